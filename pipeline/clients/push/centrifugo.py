"""Centrifugo as the websocket bus, through its HTTP API.

https://centrifugal.dev/docs/server/server_api
https://centrifugal.dev/docs/server/server_subs#automatic-personal-channel-subscription

One request has both commands: how many clients are in the channel, and the publication. Centrifugo
itself does not tell how many clients got a publication.
"""

from collections.abc import Mapping
from typing import Any, Final

import orjson

from pipeline.clients.push.bus_answers import unreadable
from pipeline.clients.push.http_bus import BusRequest, HttpBus
from pipeline.clients.push.message import BusSignal
from pipeline.domain.provider_answer import (
    Absent,
    Accepted,
    AuthFailed,
    Blame,
    RateLimited,
    Refused,
    Result,
    Unavailable,
)

# https://centrifugal.dev/docs/server/codes#client-error-codes
_INTERNAL: Final = 100
_OVER_LIMIT: Final = frozenset({106, 111})
# Unauthorized, unknown namespace, permission denied, unknown method, presence is off.
_SETTINGS: Final = frozenset({101, 102, 103, 104, 108})
_COMMANDS: Final = 2


class Centrifugo(HttpBus):
    """A Centrifugo. Its channels need ``presence``."""

    def _request(self, message: BusSignal, token: str) -> BusRequest:
        channel = channel_of(message, self._settings.namespace)
        return BusRequest(
            path="api/batch", body=_body(message, channel), headers={"X-API-Key": token}
        )

    def _result(self, content: Mapping[str, Any], message: BusSignal) -> Result:
        return _result(content, message)


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
