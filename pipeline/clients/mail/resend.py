"""Resend: sends stored requests through its API."""

import logging
import ssl
import time
from collections.abc import Sequence
from datetime import datetime
from types import TracebackType
from typing import Final, Self

import httpx2

from pipeline import __version__
from pipeline.clients.mail.provider import MOST_MAILS, FrozenRequest
from pipeline.clients.mail.redirect import AddressedMail
from pipeline.clients.mail.resend_answers import ResendAnswer, read_reply
from pipeline.clients.mail.resend_body import freeze_for_resend
from pipeline.clients.named_secrets import read_text
from pipeline.domain.clock import Clock, utc_now
from pipeline.domain.errors import ConfigurationError, TransientError
from pipeline.domain.provider_answer import AuthFailed, ProviderReply, Result, Unavailable
from pipeline.settings.mail import ProviderName, ResendSettings, is_api_key

# Longer than the answer to 100 mails.
_MOST_BYTES: Final = 262_144
_IDLE_SECONDS: Final = 30.0
# With these errors nothing of the request has left this machine.
_NOT_SENT: Final = (
    httpx2.ConnectError,
    httpx2.ConnectTimeout,
    httpx2.PoolTimeout,
    httpx2.ProxyError,
    httpx2.UnsupportedProtocol,
    httpx2.LocalProtocolError,
)

# They log URLs, and headers of answers.
for _name in ("httpx2", "httpcore2"):
    logging.getLogger(_name).setLevel(logging.ERROR)


class ResendClient:
    """Resend for one run. Its connections are kept and shared by all threads.

    A request is made once. Each wait takes ``settings.timeout`` at most, and so does the whole body
    of the answer.
    """

    name = ProviderName.RESEND
    usual_batch = MOST_MAILS

    def __init__(
        self, settings: ResendSettings, *, connections: int = 8, clock: Clock = utc_now
    ) -> None:
        self._settings = settings
        self._clock = clock
        self._base = settings.base_url.rstrip("/")
        is_remote = self._base.startswith("https:")
        self._client = httpx2.Client(
            # Without TLS nobody has to be trusted, and reading certificates takes time.
            verify=True if is_remote else ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT),
            headers={
                # Resend refuses requests without one.
                "User-Agent": f"fanout/{__version__}",
                "Content-Type": "application/json",
                "Accept": "application/json",
                # A compressed answer has no size that can be limited beforehand.
                "Accept-Encoding": "identity",
            },
            timeout=settings.timeout.total_seconds(),
            follow_redirects=False,
            limits=httpx2.Limits(
                max_connections=connections,
                max_keepalive_connections=connections,
                keepalive_expiry=_IDLE_SECONDS,
            ),
            # A proxy is for the way to Resend, not to this machine.
            trust_env=is_remote,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._client.close()

    def freeze(
        self,
        mails: Sequence[AddressedMail],
        *,
        key: str,
        at: datetime,  # noqa: ARG002 - Resend dates mails itself
    ) -> FrozenRequest:
        """Make the request; see ``MailProvider``."""
        return freeze_for_resend(mails, key=key)

    def send(self, request: FrozenRequest) -> ProviderReply:
        """Send a request once; see ``MailProvider``."""
        if request.provider is not self.name:
            raise ValueError(f"this request is for {request.provider}, not for {self.name}")
        answer = self._post(request)
        if isinstance(answer, ResendAnswer):
            return read_reply(answer, request.mails)
        return ProviderReply.to_all(answer, request.mails)

    def _post(self, request: FrozenRequest) -> ResendAnswer | Result:
        key = self._key()
        if not isinstance(key, str):
            return key
        path = "emails/batch" if request.mails > 1 else "emails"
        headers = {"Authorization": f"Bearer {key}", "Idempotency-Key": request.key}
        if request.mails > 1:
            headers["x-batch-validation"] = "permissive"
        deadline = time.monotonic() + self._settings.timeout.total_seconds()
        try:
            with self._client.stream(
                "POST", f"{self._base}/{path}", content=request.body, headers=headers
            ) as response:
                body = _read(response, deadline)
        except _NOT_SENT as error:
            return Unavailable(code=type(error).__name__, may_be_accepted=False)
        except (httpx2.HTTPError, httpx2.StreamError, OSError) as error:
            return Unavailable(code=type(error).__name__, may_be_accepted=True)
        return ResendAnswer(
            status=response.status_code,
            headers={name.lower(): value for name, value in response.headers.items()},
            body=body,
            at=self._clock(),
        )

    def _key(self) -> str | Result:
        settings = self._settings
        if not settings.api_key_secret:
            return settings.api_key
        try:
            key = read_text(settings.api_key_secret, "key")
        except ConfigurationError:
            return AuthFailed(code="secret_unreadable")
        except TransientError:
            return Unavailable(code="secret_unavailable", may_be_accepted=False)
        return key if is_api_key(key) else AuthFailed(code="secret_invalid")


def _read(response: httpx2.Response, deadline: float) -> bytes:
    """The body, given up when it is too long or comes too slowly."""
    body = b""
    for chunk in response.iter_raw():
        body += chunk
        if len(body) > _MOST_BYTES or time.monotonic() > deadline:
            raise TimeoutError
    return body
