"""Loopback servers of the tests of push: a bus and an FCM. They keep what they were sent."""

import threading
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from uuid import UUID, uuid4

import orjson

from local.fcm.tokens import TokenServer
from local.loopback import LoopbackReply, LoopbackRequest
from local.loopback.listener import Listener
from pipeline.domain.clock import utc_now

TOKEN = "bus-canary-token"  # noqa: S105 - of a loopback server
PROJECT = "acme-app"


@dataclass
class Loopback:
    """What both servers have in common.

    Attributes:
        status: what is answered in place of the usual; None: the usual.
        drops: the connection is cut after the request was taken.
        seconds: before an answer.
    """

    status: int | None = None
    drops: bool = False
    seconds: float = 0.0
    headers: dict[str, str] = field(default_factory=dict)
    port: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)
    # Every request that was taken: its id and its target, in their order.
    taken: list[tuple[UUID, str]] = field(default_factory=list)

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def counts(self) -> dict[tuple[UUID, str], int]:
        """How often each was taken."""
        found: defaultdict[tuple[UUID, str], int] = defaultdict(int)
        with self.lock:
            for each in self.taken:
                found[each] += 1
        return dict(found)

    @contextmanager
    def serving(self) -> Iterator["Loopback"]:
        """Listen until the block ends."""
        with Listener(self.answer, 0) as listener:
            self.port = listener.port
            yield self

    def answer(self, request: LoopbackRequest) -> LoopbackReply | None:
        """Take a request, unless a fault is set."""
        if self.seconds:
            time.sleep(self.seconds)  # the server is slow
        if self.status is not None:
            return LoopbackReply(status=self.status, headers=self.headers)
        reply = self.take(request)
        return None if self.drops else reply

    def take(self, request: LoopbackRequest) -> LoopbackReply:
        """Take a request."""
        raise NotImplementedError


@dataclass
class BusServer(Loopback):
    """The bus: who is connected, how often."""

    connected: dict[UUID, int] = field(default_factory=dict)
    topics: dict[str, int] = field(default_factory=dict)

    def take(self, request: LoopbackRequest) -> LoopbackReply:
        """Signal."""
        if request.headers.get("authorization") != f"Bearer {TOKEN}":
            return LoopbackReply(status=401)
        asked: dict[str, Any] = orjson.loads(request.body)
        if asked["signal"] != "sync_notify":
            return LoopbackReply(status=400)
        if topic := asked.get("topic"):
            count, target = self.topics.get(topic, 0), f"topic:{topic}"
        else:
            count, target = self.connected.get(UUID(asked["user_id"]), 0), asked["user_id"]
        with self.lock:
            self.taken.append((UUID(asked["id"]), target))
        return LoopbackReply(status=200, body={"delivered": count})


@dataclass
class FcmServer(Loopback):
    """FCM: the tokens that it does not know, and the messages that it took.

    Attributes:
        credentials: the file with the key of a service account that may send.
    """

    unregistered: set[str] = field(default_factory=set)
    tokens: TokenServer = field(default_factory=lambda: TokenServer(PROJECT, utc_now))
    credentials: str = ""
    messages: list[dict[str, Any]] = field(default_factory=list)

    @contextmanager
    def serving(self) -> Iterator["Loopback"]:
        """Listen until the block ends, the token endpoint too."""
        with self.tokens.serving(), TemporaryDirectory() as folder, super().serving():
            self.credentials = str(self.tokens.write_key(Path(folder)))
            yield self

    def take(self, request: LoopbackRequest) -> LoopbackReply:
        """Take a message, or refuse its token."""
        if not self.tokens.is_valid(request.headers.get("authorization", "").split()[-1]):
            return LoopbackReply(status=401)
        message: dict[str, Any] = orjson.loads(request.body)["message"]
        target = message.get("token") or f"topic:{message['topic']}"
        if target in self.unregistered:
            return refused(404, "NOT_FOUND", "UNREGISTERED")
        with self.lock:
            self.taken.append((UUID(message["data"]["delivery_id"]), target))
            self.messages.append(message)
        return LoopbackReply(status=200, body={"name": f"projects/{PROJECT}/messages/{uuid4()}"})


def refused(status: int, name: str, code: str) -> LoopbackReply:
    """An error as FCM gives it."""
    detail = {"@type": "type.googleapis.com/google.firebase.fcm.v1.FcmError", "errorCode": code}
    error = {"code": status, "status": name, "message": "in words", "details": [detail]}
    return LoopbackReply(status=status, body={"error": error})
