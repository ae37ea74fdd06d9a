"""The plain protocol of the websocket bus, which ``docs/push.md`` describes.

``POST /signals`` with ``{"id", "user_id" or "topic", "signal"}`` and the token as bearer. The
answer is ``{"delivered": n}``: how many connections have it. 0 is no error.
"""

from types import TracebackType
from typing import Self

import orjson

from pipeline.clients.http_answers import json_object
from pipeline.clients.posting import HttpAnswer, HttpPoster
from pipeline.clients.provider_secret import provider_secret
from pipeline.clients.push.bus_answers import bus_failure, unreadable
from pipeline.clients.push.message import BusSignal
from pipeline.domain.clock import Clock, utc_now
from pipeline.domain.provider_answer import Absent, Accepted, ProviderReply, Result
from pipeline.settings.push import BusSettings, is_bus_token


class PlainBus:
    """The bus, by its plain protocol. Safe to use from several threads."""

    name = "bus"

    def __init__(self, settings: BusSettings, *, connections: int, clock: Clock = utc_now) -> None:
        self._settings = settings
        self._clock = clock
        self._http = HttpPoster(settings.url, settings.timeout, connections=connections)

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
        """Signal once; see ``PushClient``."""
        return ProviderReply(results=(self._send(message),))

    def _send(self, message: BusSignal) -> Result:
        settings = self._settings
        token = provider_secret(settings.token, settings.token_secret, "token", is_bus_token)
        if not isinstance(token, str):
            return token
        answer = self._http.post("signals", _body(message), {"Authorization": f"Bearer {token}"})
        if not isinstance(answer, HttpAnswer):
            return answer
        return bus_failure(answer, self._clock()) or _count(answer, message)


def _body(message: BusSignal) -> bytes:
    whom = {"topic": message.topic} if message.topic else {"user_id": message.user_id}
    return orjson.dumps({"id": message.id, **whom, "signal": message.signal})


def _count(answer: HttpAnswer, message: BusSignal) -> Result:
    delivered = json_object(answer.body).get("delivered")
    if type(delivered) is not int or delivered < 0:
        return unreadable()
    return Accepted(provider_id=str(message.id)) if delivered else Absent(code="not_connected")
