"""WebhookClient: a message in; signed, sent once; a result out."""

import logging
import ssl
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Self
from urllib.parse import urlsplit
from uuid import UUID

import httpcore2

from pipeline import __version__
from pipeline.clients.named_secrets import read_secrets
from pipeline.clients.webhooks.answers import read_status
from pipeline.clients.webhooks.guarded import (
    AddressRefused,
    Deadline,
    GuardedBackend,
    Resolver,
    resolve,
)
from pipeline.clients.webhooks.seal import SecretSeal
from pipeline.domain.clock import Clock, utc_now
from pipeline.domain.errors import ConfigurationError, TransientError
from pipeline.domain.provider_answer import AuthFailed, ProviderReply, Result, Unavailable
from pipeline.domain.webhook_signature import SigningSecret, sign
from pipeline.settings.outgoing_webhooks import OutgoingSettings

# An answer that is longer is cut off: nothing of it is used.
_MOST_BYTES: Final = 65_536
_IDLE_SECONDS: Final = 30.0

# They log URLs, and headers of answers.
logging.getLogger("httpcore2").setLevel(logging.ERROR)


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredSecret:
    """A secret of an endpoint: encrypted, or the name of it in Secret Manager."""

    sealed: bytes | None = field(default=None, repr=False)
    name: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookMessage:
    """What is sent to an endpoint.

    Attributes:
        id: the same whenever it is sent again: the delivery's.
        endpoint: the id of the endpoint.
        url: of the endpoint.
        body: its bytes.
        secrets: it is signed with each of them.
    """

    id: UUID
    endpoint: UUID
    url: str = field(repr=False)
    body: bytes = field(repr=False)
    secrets: tuple[StoredSecret, ...]


class WebhookClient:
    """Sends webhooks. Its connections are kept and shared by all threads.

    A request is made once, to a checked address, without proxies, cookies or redirects, and ends
    after ``settings.timeout``. Of the answer only the status is used. Never raises, and never logs
    an address or a part of a message.
    """

    def __init__(
        self,
        settings: OutgoingSettings,
        *,
        connections: int = 64,
        trusted: ssl.SSLContext | None = None,
        resolver: Resolver = resolve,
        clock: Clock = utc_now,
    ) -> None:
        """Make no connection yet.

        Args:
            settings: keys, allowed networks, time.
            connections: the most at a time.
            trusted: who signs the certificates of endpoints; None: the usual authorities.
            resolver: looks names up.
            clock: for signatures and Retry-After.
        """
        self._settings = settings
        self._clock = clock
        self._deadline = Deadline()
        context = httpcore2.default_ssl_context() if trusted is None else trusted
        self._pools = {
            scheme: httpcore2.ConnectionPool(
                ssl_context=context,
                max_connections=connections,
                max_keepalive_connections=connections,
                keepalive_expiry=_IDLE_SECONDS,
                network_backend=GuardedBackend(
                    settings.allowed,
                    self._deadline,
                    encrypted=scheme == b"https",
                    resolver=resolver,
                ),
            )
            for scheme in (b"https", b"http")
        }

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections that are kept."""
        for pool in self._pools.values():
            pool.close()

    def send(self, message: WebhookMessage) -> ProviderReply:
        """Sign and send a message once. The one result says what came of it."""
        return ProviderReply.to_all(self._send(message), 1)

    def _send(self, message: WebhookMessage) -> Result:
        try:
            secrets = self._secrets(message)
            at = self._clock()
            signed = sign(message.body, message_id=str(message.id), at=at, secrets=secrets)
        except ConfigurationError:
            return AuthFailed(code="secret_unreadable")
        except TransientError:
            return Unavailable(code="secret_unavailable", may_be_accepted=False)
        try:
            return self._post(message, signed)
        except AddressRefused as error:
            return AuthFailed(code=str(error))
        except (
            httpcore2.NetworkError,
            httpcore2.TimeoutException,
            httpcore2.ProtocolError,
            httpcore2.UnsupportedProtocol,
            OSError,
            ValueError,
        ) as error:
            return _failed(error)

    def _post(self, message: WebhookMessage, signed: Mapping[str, str]) -> Result:
        url = httpcore2.URL(message.url)
        pool = self._pools.get(url.scheme)
        if pool is None:
            raise AddressRefused("not_https")
        seconds = self._settings.timeout.total_seconds()
        self._deadline.at = time.monotonic() + seconds
        headers: dict[bytes | str, bytes | str] = {
            # As it is written: httpcore2 leaves out the brackets of IPv6.
            "Host": urlsplit(message.url).netloc.rpartition("@")[2],
            "User-Agent": f"fanout/{__version__}",
            "Content-Type": "application/json",
            "Accept": "*/*",
        }
        headers.update(signed.items())
        limits = dict.fromkeys(("connect", "read", "write", "pool"), seconds)
        with pool.stream(
            "POST", url, headers=headers, content=message.body, extensions={"timeout": limits}
        ) as response:
            found = {name.lower(): value for name, value in response.headers}
            result = read_status(
                response.status,
                found.get(b"retry-after", b"").decode("latin-1"),
                self._clock(),
            )
            _drain(response)
        return result

    def _secrets(self, message: WebhookMessage) -> Sequence[SigningSecret]:
        texts = [text for each in message.secrets for text in self._read(each, message)]
        return [SigningSecret.parse(text) for text in texts]

    def _read(self, secret: StoredSecret, message: WebhookMessage) -> Sequence[str]:
        if secret.name is not None:
            return read_secrets([secret.name], "secret")
        if secret.sealed is None:
            return ()
        seal = SecretSeal(read_secrets(self._settings.keys, "key"))
        return [seal.read(secret.sealed, message.endpoint)]


def _failed(error: Exception) -> Unavailable:
    """Return what an error means. Only one before the request was sent says that nobody has it."""
    match error:
        case httpcore2.ConnectError() if any(isinstance(each, ssl.SSLError) for each in error.args):
            return Unavailable(code="tls_failed", may_be_accepted=False)
        case httpcore2.ConnectError():
            return Unavailable(code="not_reached", may_be_accepted=False)
        case httpcore2.ConnectTimeout():
            return Unavailable(code="timeout", may_be_accepted=False)
        case httpcore2.TimeoutException():
            return Unavailable(code="timeout", may_be_accepted=True)
    return Unavailable(code="no_answer", may_be_accepted=True)


def _drain(response: httpcore2.Response) -> None:
    """Read the rest, so that the connection can be used again. The status is known all the same."""
    left = _MOST_BYTES
    try:
        for chunk in response.iter_stream():
            left -= len(chunk)
            if left < 0:
                return
    except (httpcore2.TimeoutException, httpcore2.NetworkError, httpcore2.ProtocolError):
        return
