"""Resend: sends stored requests through its API."""

from collections.abc import Sequence
from datetime import datetime
from typing import Self

from pipeline.clients.mail.provider import MOST_MAILS, FrozenRequest
from pipeline.clients.mail.redirect import AddressedMail
from pipeline.clients.mail.resend_answers import read_reply
from pipeline.clients.mail.resend_body import freeze_for_resend
from pipeline.clients.posting import HttpAnswer, HttpPoster
from pipeline.clients.provider_secret import provider_secret
from pipeline.domain.clock import Clock, utc_now
from pipeline.domain.provider_answer import ProviderReply, Result
from pipeline.settings.mail import ProviderName, ResendSettings, is_api_key


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
        self._http = HttpPoster(settings.base_url, settings.timeout, connections=connections)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._http.close()

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
        if isinstance(answer, HttpAnswer):
            return read_reply(answer, self._clock(), request.mails)
        return ProviderReply.to_all(answer, request.mails)

    def _post(self, request: FrozenRequest) -> HttpAnswer | Result:
        settings = self._settings
        key = provider_secret(settings.api_key, settings.api_key_secret, "key", is_api_key)
        if not isinstance(key, str):
            return key
        path = "emails/batch" if request.mails > 1 else "emails"
        headers = {"Authorization": f"Bearer {key}", "Idempotency-Key": request.key}
        if request.mails > 1:
            headers["x-batch-validation"] = "permissive"
        return self._http.post(path, request.body, headers)
