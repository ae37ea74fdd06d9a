"""Centrifugo as the websocket bus, through its HTTP API.

https://centrifugal.dev/docs/server/server_api
https://centrifugal.dev/docs/server/server_subs#automatic-personal-channel-subscription

One request has both commands: how many clients are in the channel, and the publication. Centrifugo
itself does not tell how many clients got a publication.
"""

from collections.abc import Mapping
from types import TracebackType
from typing import Any, Final, Self

import orjson

from pipeline.clients.http_answers import json_object
from pipeline.clients.posting import HttpAnswer, HttpPoster
from pipeline.clients.provider_secret import provider_secret
from pipeline.clients.push.bus_answers import bus_failure, unreadable
from pipeline.clients.push.message import BusSignal
from pipeline.domain.clock import Clock, utc_now
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

# https://centrifugal.dev/docs/server/codes#client-error-codes
_INTERNAL: Final = 100
_OVER_LIMIT: Final = frozenset({106, 111})
# Unauthorized, unknown namespace, permission denied, unknown method, presence is off.
_SETTINGS: Final = frozenset({101, 102, 103, 104, 108})
_COMMANDS: Final = 2


class Centrifugo:
    """A Centrifugo. Its channels need ``presence``. Safe to use from several threads."""

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
        key = provider_secret(settings.token, settings.token_secret, "key", is_bus_token)
        if not isinstance(key, str):
            return key
        body = _body(message, channel_of(message, settings.namespace))
        answer = self._http.post("api/batch", body, {"X-API-Key": key})
        if not isinstance(answer, HttpAnswer):
            return answer
        return bus_failure(answer, self._clock()) or _result(json_object(answer.body), message)


def channel_of(message: BusSignal, namespace: str) -> str:
    """Return the channel of a topic, or the personal one of a user."""
    if message.topic:
        return message.topic
    return f"{namespace}:#{message.user_id}" if namespace else f"#{message.user_id}"


def _body(message: BusSignal, channel: str) -> bytes:
    data = {"id": message.id, "signal": message.signal}
    publish = {"channel": channel, "data": data, "idempotency_key": str(message.id)}
    # Asked first: who comes in between gets it all the same.
    commands = [{"presence_stats": {"channel": channel}}, {"publish": publish}]
    return orjson.dumps({"commands": commands})


def _result(content: Mapping[str, Any], message: BusSignal) -> Result:
    """Read the replies. What is wrong with the publication comes before what is with the count."""
    replies = content.get("replies")
    if not isinstance(replies, list) or len(replies) != _COMMANDS:
        return _error(content) or unreadable()
    counted, published = replies
    if not isinstance(counted, dict) or not isinstance(published, dict):
        return unreadable()
    if error := _error(published) or _error(counted):
        return error
    stats = counted.get("presence_stats")
    clients = stats.get("num_clients", 0) if isinstance(stats, dict) else None
    if type(clients) is not int or clients < 0 or "publish" not in published:
        return unreadable()
    return Accepted(provider_id=str(message.id)) if clients else Absent(code="not_connected")


def _error(reply: Mapping[str, Any]) -> Result | None:
    error = reply.get("error")
    if not error:
        return None
    number = error.get("code") if isinstance(error, dict) else None
    if type(number) is not int:
        return unreadable()
    code = f"centrifugo_{number}"
    if number in _SETTINGS:
        return AuthFailed(code=code)
    if number in _OVER_LIMIT:
        return RateLimited(code=code, retry_at=None)
    if number == _INTERNAL:
        return Unavailable(code=code, may_be_accepted=True)
    return Refused(code=code, blame=Blame.CONTENT)
