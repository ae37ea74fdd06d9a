"""HTTP for stand-ins: requests in, replies out, and connections that are cut."""

import json
import socket
import struct
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Final, Self

# Closing sends a reset, as when a server dies.
_RESET: Final = struct.pack("ii", 1, 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class LoopbackReply:
    """What is answered: a status, a body and headers. A body that is no bytes becomes JSON."""

    status: int
    body: object = None
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class LoopbackRequest:
    """One request. ``headers`` have lower-case names."""

    method: str
    path: str
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)


Answer = Callable[[LoopbackRequest], LoopbackReply | None]


class Listener:
    """A server on this machine. None in place of a reply cuts the connection.

    Attributes:
        port: where it listens.
        connections: how many were opened.
    """

    def __init__(self, answer: Answer, port: int) -> None:
        self._server = _Server(("127.0.0.1", port), _Handler)
        self._server.answer = answer
        self.port = self._server.server_port
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(0.01,), daemon=True
        )

    @property
    def connections(self) -> int:
        """How many connections were opened."""
        return self._server.connections

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128
    answer: Answer
    connections = 0

    def process_request(self, request: object, client_address: object) -> None:
        """Count a connection and serve it."""
        self.connections += 1
        super().process_request(request, client_address)  # type: ignore[arg-type]


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # Headers and body in one packet.
    wbufsize = -1
    server: _Server

    def do_GET(self) -> None:
        """Answer one request."""
        self._answer()

    def do_POST(self) -> None:
        """Answer one request."""
        self._answer()

    def _answer(self) -> None:
        request = LoopbackRequest(
            method=self.command,
            path=self.path,
            headers={name.lower(): value for name, value in self.headers.items()},
            body=self.rfile.read(int(self.headers.get("Content-Length", 0))),
        )
        reply = self.server.answer(request)
        if reply is None:
            self.close_connection = True
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
            return
        body = reply.body
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        try:
            self.send_response(reply.status)
            for name, value in reply.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Type", "application/json; charset=utf-8")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)
        except OSError:
            # Whoever asked has gone: it is a stand-in for a slow server, too.
            self.close_connection = True

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its name there
        pass
