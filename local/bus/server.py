"""The bus: publishers post signals on one port, clients listen by websocket on another.

``docs/push.md`` describes the protocol, and ``tests/local/bus`` holds the server to it.

Anybody on this machine may listen as anybody: a real bus asks who its clients are.
"""

import json
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Self
from urllib.parse import parse_qs, urlsplit
from uuid import UUID

from websockets.datastructures import Headers
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response
from websockets.sync.server import ServerConnection, serve

from local.bus.connections import Connections
from local.bus.pages import Pages
from local.bus.shown import Shelf
from local.loopback import LoopbackReply, LoopbackRequest, StandIn
from pipeline.domain.clock import Clock, utc_now

SIGNALS: Final = "/signals"
CONNECT: Final = "/connect"
# Not of the protocol: how often each signal came, for tests that run the server as a process.
COPIES: Final = "/copies"
# How long the bus waits for a client to answer.
ANSWER_SECONDS: Final = 0.5
_PING_SECONDS: Final = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptSignal:
    """A signal that was taken.

    Attributes:
        id: the sender's name for it.
        target: the id of a user, or ``topic:`` and the topic.
        signal: its word.
        delivered: how many connections had it.
        at: when it was taken.
    """

    id: UUID
    target: str
    signal: str
    delivered: int
    at: datetime


class BusServer(StandIn):
    """Signals, who hears them, and what goes wrong.

    Attributes:
        token: with which publishers sign in.
        accepted: every signal, in order.
        connected: who is connected.
        on_accepted: is told of every signal that is taken.
        answer_seconds: how long clients may take to answer.
    """

    def __init__(
        self,
        token: str = "local-bus-token",  # noqa: S107 - of a server on this machine
        shelf: Shelf | None = None,
        clock: Clock = utc_now,
    ) -> None:
        """Start with nobody connected.

        Args:
            token: with which publishers sign in.
            shelf: where the page finds what it shows; None: it shows the signals alone.
            clock: for the times of signals.
        """
        super().__init__()
        self.token = token
        self.accepted: list[KeptSignal] = []
        self.connected = Connections()
        self.on_accepted: Callable[[KeptSignal], None] = _nothing
        self.answer_seconds = ANSWER_SECONDS
        self._pages = Pages(shelf)
        self._clock = clock
        self._lock = threading.Lock()
        self._page_port = 0

    @property
    def page_url(self) -> str:
        """Where one sees notifications arrive."""
        return f"http://127.0.0.1:{self._page_port}/"

    @property
    def connect_url(self) -> str:
        """Where clients connect; the query says as whom."""
        return f"ws://127.0.0.1:{self._page_port}{CONNECT}"

    def copies(self) -> Counter[tuple[str, str]]:
        """How often each signal was taken, by the sender's name for it and its target."""
        with self._lock:
            return Counter((str(each.id), each.target) for each in self.accepted)

    @contextmanager
    def serving(self, port: int = 0, page_port: int = 0) -> Iterator[Self]:
        """Answer on two ports until the block ends; 0: on free ones."""
        with serve(
            self._listen,
            "127.0.0.1",
            page_port,
            process_request=self._page,
            ping_interval=_PING_SECONDS,
            close_timeout=1,
            compression=None,
            server_header=None,
        ) as clients:
            self._page_port = clients.socket.getsockname()[1]
            thread = threading.Thread(target=clients.serve_forever, daemon=True)
            thread.start()
            try:
                with super().serving(port):
                    yield self
            finally:
                clients.shutdown()
                thread.join()

    def usual(self, request: LoopbackRequest) -> LoopbackReply:
        """Deliver a signal, or say why not."""
        if request.path == COPIES:
            copies = [[*key, count] for key, count in self.copies().items()]
            return LoopbackReply(status=200, body=copies)
        if request.path != SIGNALS or request.method != "POST":
            return LoopbackReply(status=404, body={"error": "expected POST /signals"})
        if request.headers.get("authorization") != f"Bearer {self.token}":
            return LoopbackReply(status=401, body={"error": "invalid token"})
        self.wait()
        signal = _read(request.body)
        if isinstance(signal, str):
            return LoopbackReply(status=400, body={"error": signal})
        key, message = signal
        delivered = self.connected.deliver(key, json.dumps(message), self.answer_seconds)
        kept = KeptSignal(
            id=UUID(message["id"]),
            target=f"topic:{key}" if isinstance(key, str) else str(key),
            signal=message["signal"],
            delivered=delivered,
            at=self._clock(),
        )
        with self._lock:
            self.accepted.append(kept)
        self.on_accepted(kept)
        return LoopbackReply(status=200, body={"delivered": delivered})

    def _page(self, connection: ServerConnection, request: Request) -> Response | None:
        """Answer what is no websocket, and refuse strangers; None: it may connect."""
        origin, host = request.headers.get("Origin"), request.headers.get("Host", "")
        own = {f"{name}:{self._page_port}" for name in ("127.0.0.1", "localhost")}
        # Other pages of the browser must not listen.
        if host not in own or (origin is not None and urlsplit(origin).netloc not in own):
            return _response(403, "text/plain", b"not from here\n")
        path = urlsplit(request.path)
        if path.path == CONNECT:
            if _who(path.query) is None:
                return connection.respond(400, "expected ?user=UUID, and topics=a,b\n")
            return None
        found = self._pages.find(path.path, parse_qs(path.query))
        return _response(404, "text/plain", b"not found\n") if found is None else _response(*found)

    def _listen(self, connection: ServerConnection) -> None:
        request = connection.request
        who = _who(urlsplit(request.path).query) if request is not None else None
        if who is None:
            return
        self.connected.add(connection, *who)
        try:
            # Clients have nothing to say.
            for _ in connection:
                pass
        except ConnectionClosed:
            pass
        finally:
            self.connected.remove(connection)


def _who(query: str) -> tuple[UUID, frozenset[str]] | None:
    """Return the user and the topics of a client."""
    given = parse_qs(query)
    try:
        user = UUID(given["user"][0])
    except (KeyError, ValueError):
        return None
    topics = given.get("topics", [""])[0].split(",")
    return user, frozenset(filter(None, topics))


def _read(body: bytes) -> tuple[UUID | str, dict[str, Any]] | str:
    """Return whom a signal is for, and what they get; or what is wrong with it."""
    try:
        asked = json.loads(body)
        id_, signal = str(UUID(asked["id"])), asked["signal"]
        topic, user = asked.get("topic"), asked.get("user_id")
        if not isinstance(signal, str) or (topic is None) == (user is None):
            return "expected id, signal, and one of user_id and topic"
        key = UUID(user) if topic is None else str(topic)
    except (ValueError, KeyError, TypeError, AttributeError):
        return "expected a JSON object with id, signal, and one of user_id and topic"
    message = {"id": id_, "signal": signal}
    return key, message | ({} if topic is None else {"topic": topic})


def _response(status: int, kind: str, body: bytes) -> Response:
    headers = Headers(
        {
            "Content-Type": f"{kind}; charset=utf-8",
            "Content-Length": str(len(body)),
            "Cache-Control": "no-store",
            "Connection": "close",
            "Content-Security-Policy": (
                "default-src 'self'; img-src data:; base-uri 'none'; form-action 'none';"
                " frame-ancestors 'none'"
            ),
            "X-Content-Type-Options": "nosniff",
        }
    )
    return Response(status, "", headers, body)


def _nothing(_: KeptSignal) -> None:
    pass
