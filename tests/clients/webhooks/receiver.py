"""An endpoint of another system on this machine: it verifies what it gets with Standard Webhooks'
own library, keeps it, and answers as it is told."""

import socket
import ssl
import threading
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final, Self

import orjson
from standardwebhooks import Webhook, WebhookVerificationError

SECRET: Final = "whsec_" + "Y2FuYXJ5LXNlY3JldC1vZi10aGUtdGVzdHM="
OTHER_SECRET: Final = "whsec_" + "YW5vdGhlci1jYW5hcnktc2VjcmV0LWhlcmU="


@dataclass(frozen=True, kw_only=True)
class Seen:
    """One request."""

    path: str
    headers: Mapping[str, str]
    body: bytes
    address: str

    @property
    def id(self) -> str:
        return self.headers["webhook-id"]

    @property
    def said(self) -> dict[str, Any]:
        found: dict[str, Any] = orjson.loads(self.body)
        return found

    def is_signed_with(self, secret: str) -> bool:
        try:
            Webhook(secret).verify(self.body, dict(self.headers))
        except WebhookVerificationError:
            return False
        return True


@dataclass(kw_only=True)
class Receiver:
    """What was received, and what is answered.

    Attributes:
        statuses: the next answers; then ``status``.
        headers: of every answer.
        drip: answers a byte at a time, with this pause in seconds.
        held: requests wait until it is set again.
        refused: the ids that it can never take.
    """

    status: int = 204
    statuses: list[int | None] = field(default_factory=list)
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    drip: float = 0
    seen: list[Seen] = field(default_factory=list)
    refused: set[str] = field(default_factory=set)
    held: threading.Event = field(default_factory=threading.Event)
    port: int = 0
    host: str = "127.0.0.1"
    connections: int = 0
    waiting: int = 0

    def __post_init__(self) -> None:
        self.held.set()
        self._lock = threading.Lock()

    @property
    def url(self) -> str:
        return f"http://{self.host}:{self.port}/hook?from=us"

    def copies(self) -> Counter[str]:
        with self._lock:
            return Counter(each.id for each in self.seen)

    def ids(self) -> list[str]:
        with self._lock:
            return [each.id for each in self.seen]

    @contextmanager
    def serving(self, encryption: ssl.SSLContext | None = None) -> Iterator[Self]:
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def setup(self) -> None:
                receiver.connections += 1
                super().setup()

            def do_POST(self) -> None:
                length = int(self.headers["Content-Length"])
                body = self.rfile.read(length)
                receiver._take(self, body)

            def log_message(self, *_: object) -> None:
                pass

        class Server(ThreadingHTTPServer):
            daemon_threads = True
            request_queue_size = 100

            def handle_error(self, *_: object) -> None:
                pass

        server = Server((self.host, 0), Handler)
        if encryption is not None:
            server.socket = encryption.wrap_socket(server.socket, server_side=True)
        self.port = server.server_address[1]
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield self
        finally:
            self.held.set()
            server.shutdown()
            thread.join()
            server.server_close()

    def _take(self, handler: BaseHTTPRequestHandler, body: bytes) -> None:
        headers = {name.lower(): value for name, value in handler.headers.items()}
        with self._lock:
            self.seen.append(
                Seen(
                    path=handler.path,
                    headers=headers,
                    body=body,
                    address=handler.connection.getsockname()[0],
                )
            )
            status = self.statuses.pop(0) if self.statuses else self.status
            if headers.get("webhook-id") in self.refused:
                status = 500
            self.waiting += 1
        self.held.wait()
        with self._lock:
            self.waiting -= 1
        if status is None:
            handler.close_connection = True
            with suppress(OSError):
                handler.connection.shutdown(socket.SHUT_RDWR)
            return
        lines = [f"HTTP/1.1 {status} Said", f"Content-Length: {len(self.body)}"]
        if status == 204:
            lines = lines[:1]
        lines += [f"{name}: {value}" for name, value in self.headers.items()]
        answer = "\r\n".join([*lines, "", ""]).encode() + self.body
        with suppress(OSError):
            if not self.drip:
                handler.wfile.write(answer)
                return
            for each in answer:
                handler.wfile.write(bytes([each]))
                time.sleep(self.drip)
