"""The plain protocol of the websocket bus, which ``docs/push.md`` describes.

``POST /signals`` with ``{"id", "user_id" or "topic", "signal"}`` and the token as bearer. The
answer is ``{"delivered": n}``: how many connections have it. 0 is no error.
"""

from collections.abc import Mapping
from typing import Any

import orjson

from pipeline.clients.push.bus_answers import unreadable
from pipeline.clients.push.http_bus import BusRequest, HttpBus
from pipeline.clients.push.message import BusSignal
from pipeline.domain.provider_answer import Absent, Accepted, Result


class PlainBus(HttpBus):
    """The bus, by its plain protocol."""

    def _request(self, message: BusSignal, token: str) -> BusRequest:
        whom = {"topic": message.topic} if message.topic else {"user_id": message.user_id}
        return BusRequest(
            path="signals",
            body=orjson.dumps({"id": message.id, **whom, "signal": message.signal}),
            headers={"Authorization": f"Bearer {token}"},
        )

    def _result(self, content: Mapping[str, Any], message: BusSignal) -> Result:
        delivered = content.get("delivered")
        if type(delivered) is not int or delivered < 0:
            return unreadable()
        return Accepted(provider_id=str(message.id)) if delivered else Absent(code="not_connected")
