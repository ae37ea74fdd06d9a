"""The plain protocol of the websocket bus.

``POST /signals`` with ``{"id", "user_id" or "topic", "signal"}`` and the token as bearer. The
answer is ``{"delivered": n}``: to how many connections it went. 0 is no error.
"""

from http import HTTPStatus
from types import TracebackType
from typing import Final, Self

import orjson

from pipeline.clients.named_secrets import read_text
from pipeline.clients.push.message import BusSignal
from pipeline.clients.push.posting import PushAnswer, PushHttp
from pipeline.domain.errors import ConfigurationError, TransientError
from pipeline.domain.provider_answer import (
    Absent,
    Accepted,
    AuthFailed,
    Blame,
    ProviderReply,
    RateLimited,
    Refused,
    Result,
    Unavailable,
)
from pipeline.settings.push import BusSettings, is_bus_token

_DENIED: Final = frozenset({401, 403, 404, 405, 407})


class PlainBus:
    """The bus, by its plain protocol. Safe to use from several threads."""

    name = "bus"

    def __init__(self, settings: BusSettings, *, connections: int) -> None:
        self._settings = settings
        self._http = PushHttp(settings.url, settings.timeout, connections=connections)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._http.close()

    def send(self, message: BusSignal) -> ProviderReply:
        """Signal once."""
        return ProviderReply(results=(self._send(message),))

    def _send(self, message: BusSignal) -> Result:
        token = self._token()
        if not isinstance(token, str):
            return token
        whom = {"topic": message.topic} if message.topic else {"user_id": message.user_id}
        body = orjson.dumps({"id": message.id, **whom, "signal": message.signal})
        answer = self._http.post("signals", body, {"Authorization": f"Bearer {token}"})
        return _result(answer, message) if isinstance(answer, PushAnswer) else answer

    def _token(self) -> str | Result:
        settings = self._settings
        if not settings.token_secret:
            return settings.token
        try:
            token = read_text(settings.token_secret, "token")
        except ConfigurationError:
            return AuthFailed(code="secret_unreadable")
        except TransientError:
            return Unavailable(code="secret_unavailable", may_be_accepted=False)
        return token if is_bus_token(token) else AuthFailed(code="secret_invalid")


def _result(answer: PushAnswer, message: BusSignal) -> Result:
    status = answer.status
    if status in _DENIED:
        return AuthFailed(code=f"http_{status}")
    if status == HTTPStatus.TOO_MANY_REQUESTS:
        return RateLimited(code=f"http_{status}", retry_at=None)
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return Unavailable(code=f"http_{status}", may_be_accepted=True)
    if status != HTTPStatus.OK:
        return Refused(code=f"http_{status}", blame=Blame.CONTENT)
    try:
        delivered = orjson.loads(answer.body)["delivered"]
    except (ValueError, KeyError, TypeError):
        delivered = None
    if type(delivered) is not int or delivered < 0:
        return Unavailable(code="no_count", may_be_accepted=True)
    return Accepted(provider_id=str(message.id)) if delivered else Absent(code="not_connected")
