"""The part of Centrifugo's HTTP API that we use, as its documents describe it.

https://centrifugal.dev/docs/server/server_api
https://centrifugal.dev/docs/server/codes#client-error-codes
"""

import json
from typing import Any

from local.loopback import LoopbackReply, LoopbackRequest, StandIn


class CentrifugoServer(StandIn):
    """Channels, who is in them, and what was published.

    Attributes:
        clients: how many are in a channel.
        published: every publication, in order. One that repeats a key is dropped.
        namespaces: those that exist.
        has_presence: whether channels tell who is in them.
        errors: by command, an error code in place of the usual reply.
    """

    def __init__(self, key: str) -> None:
        super().__init__()
        self.key = key
        self.clients: dict[str, int] = {}
        self.published: list[dict[str, Any]] = []
        self.namespaces = {"personal"}
        self.has_presence = True
        self.errors: dict[str, int] = {}
        self._keys: set[tuple[str, str]] = set()

    def usual(self, request: LoopbackRequest) -> LoopbackReply:
        """Do the commands of a batch, one after another."""
        if request.path != "/api/batch":
            return LoopbackReply(status=404, body=b"404 page not found")
        if request.headers.get("x-api-key") != self.key:
            return LoopbackReply(status=401, body=b"Unauthorized")
        self.wait()
        commands = json.loads(request.body)["commands"]
        replies = [self._reply(*pair) for each in commands for pair in each.items()]
        return LoopbackReply(status=200, body={"replies": replies})

    def _reply(self, name: str, asked: dict[str, Any]) -> dict[str, Any]:
        if code := self.errors.get(name) or self._wrong(name, asked["channel"]):
            return {"error": {"code": code, "message": "in words"}}
        if name == "presence_stats":
            clients = self.clients.get(asked["channel"], 0)
            return {"presence_stats": {"num_clients": clients, "num_users": min(clients, 1)}}
        key = (asked["channel"], asked["idempotency_key"])
        if key not in self._keys:
            self._keys.add(key)
            self.published.append(asked)
        return {"publish": {}}

    def _wrong(self, name: str, channel: str) -> int | None:
        namespace, colon, _ = channel.partition(":")
        if colon and namespace not in self.namespaces:
            return 102
        return None if self.has_presence or name != "presence_stats" else 108
