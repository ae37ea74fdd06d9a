"""Connections of clients that send or read too slowly are closed."""

import asyncio
import socket
import struct
from http import HTTPStatus
from typing import Any, Final

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

from service.errors import error_response

# From the first byte of a request, or from the connection, to its last byte.
REQUEST_SECONDS: Final = 6.0
# From when a client reads less than is written, to when it has caught up.
READ_SECONDS: Final = 6.0
CONNECTIONS: Final = 4096
_AT_ONCE: Final = struct.pack("ii", 1, 0)
# States of h11 in which an answer can begin.
_UNANSWERED: Final = (h11.IDLE, h11.SEND_RESPONSE)
_LATE: Final = "the request took too long to arrive"
_MALFORMED: Final = "invalid HTTP request: expected HTTP/1.1 with headers of at most 16 KB"


class PromptProtocol(H11Protocol):
    """uvicorn's protocol, with a deadline for each request and for each answer.

    uvicorn itself waits without end for the rest of a request, and for a client that does not read.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401 - uvicorn's
        super().__init__(*args, **kwargs)
        self._arriving: asyncio.TimerHandle | None = None
        self._unread: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Accept a connection, unless there are too many."""
        super().connection_made(transport)
        if len(self.connections) > CONNECTIONS:
            transport.abort()
            return
        self._arriving = self.loop.call_later(REQUEST_SECONDS, self._is_late)

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the connection."""
        self._has_arrived()
        self._has_read()
        super().connection_lost(exc)

    def handle_events(self) -> None:
        """Handle what has arrived; from then on, the rest of a request has its time."""
        super().handle_events()
        partial = self.conn.their_state is h11.SEND_BODY or (
            self.conn.their_state is h11.IDLE and bool(self.conn.trailing_data[0])
        )
        if not partial:
            self._has_arrived()
        elif self._arriving is None:
            self._arriving = self.loop.call_later(REQUEST_SECONDS, self._is_late)

    def pause_writing(self) -> None:
        """The client reads less than is written."""
        super().pause_writing()
        self._unread = self.loop.call_later(READ_SECONDS, self._cut)

    def resume_writing(self) -> None:
        """The client has caught up."""
        super().resume_writing()
        self._has_read()

    def timeout_keep_alive_handler(self) -> None:
        """Close an idle connection, also if its client has not read the last answer."""
        super().timeout_keep_alive_handler()
        if self.transport.get_write_buffer_size():
            self._cut()

    def send_400_response(self, msg: str) -> None:  # noqa: ARG002 - of uvicorn
        """Refuse what is not HTTP, in our own form."""
        self._refuse(HTTPStatus.BAD_REQUEST, _MALFORMED)

    def _has_arrived(self) -> None:
        if self._arriving is not None:
            self._arriving.cancel()
            self._arriving = None

    def _has_read(self) -> None:
        if self._unread is not None:
            self._unread.cancel()
            self._unread = None

    def _is_late(self) -> None:
        self._arriving = None
        if self.transport.is_closing():
            return
        if self.flow.read_paused:
            # It is not the client who is slow: nobody reads the body yet.
            self._arriving = self.loop.call_later(REQUEST_SECONDS, self._is_late)
            return
        self._refuse(HTTPStatus.REQUEST_TIMEOUT, _LATE)

    def _cut(self) -> None:
        """Reset the connection: with a mere close, the system keeps what is unread for minutes."""
        connection = self.transport.get_extra_info("socket")
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _AT_ONCE)
        self.transport.abort()

    def _refuse(self, status: HTTPStatus, message: str) -> None:
        if self.conn.our_state not in _UNANSWERED:
            self.transport.abort()
            return
        refusal = error_response(status, message, {"Connection": "close"})
        events = (
            h11.Response(
                status_code=status, headers=refusal.raw_headers, reason=status.phrase.encode()
            ),
            h11.Data(data=bytes(refusal.body)),
            h11.EndOfMessage(),
        )
        if self.cycle is not None:
            self.cycle.disconnected = True
        for event in events:
            self.transport.write(self.conn.send(event) or b"")
        self.transport.close()
