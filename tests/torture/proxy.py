"""A TCP relay on loopback that breaks connections on demand."""

import random
import socket
import struct
import threading
from collections.abc import Callable
from contextlib import suppress
from select import select
from typing import Final, Self

from psycopg.conninfo import conninfo_to_dict, make_conninfo

_HOST: Final = "127.0.0.1"
_CHUNK_BYTES: Final = 65_536
_POLL_SECONDS: Final = 0.2
# Closing resets the connection at once and drops unsent data.
_RESET: Final = struct.pack("ii", 1, 0)


class Proxy:
    """Relays connections to one server until each is cut or swallowed.

    Args:
        dsn: the server.
    """

    def __init__(self, dsn: str) -> None:
        parts = conninfo_to_dict(dsn)
        self._server = (str(parts["host"]), int(str(parts["port"])))
        self._listener = socket.create_server((_HOST, 0))
        self.dsn = make_conninfo(dsn, port=self._listener.getsockname()[1])
        self._relays: list[_Relay] = []
        self._draw: Callable[[], int] | None = None
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._accept, name="proxy", daemon=True)

    def cut_after(self, draw: Callable[[], int] | None) -> None:
        """Cut each connection, including open ones, after that many more bytes; None: never.

        Half of them are cut at that byte. The others are cut at a random byte of the next reply:
        replies are much smaller, and only there it is unknown whether a statement was committed.
        """
        self._draw = draw
        for relay in self._relays:
            relay.bytes_left = draw() if draw else None

    def swallow(self) -> int:
        """From now on, drop the server's replies on all open connections; return their number."""
        open_now = [relay for relay in self._relays if relay.is_open]
        for relay in open_now:
            relay.swallows = True
        return len(open_now)

    @property
    def cuts(self) -> int:
        """The number of cut connections."""
        return sum(relay.was_cut for relay in self._relays)

    @property
    def cut_replies(self) -> int:
        """The number of connections that were cut within the server's reply."""
        return sum(relay.was_cut and relay.cut_a_reply for relay in self._relays)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()
        for relay in self._relays:
            relay.join()
        self._listener.close()

    def _accept(self) -> None:
        while not self._ended.is_set():
            if select([self._listener], [], [], _POLL_SECONDS)[0]:
                client, _ = self._listener.accept()
                try:
                    server = socket.create_connection(self._server)
                except OSError:
                    client.close()
                    continue
                relay = _Relay(client, server, self._ended)
                relay.bytes_left = self._draw() if self._draw else None
                self._relays.append(relay)
                relay.start()


class _Relay(threading.Thread):
    """One connection through the proxy."""

    def __init__(
        self, client: socket.socket, server: socket.socket, ended: threading.Event
    ) -> None:
        super().__init__(name="relay", daemon=True)
        self._peers = {client: server, server: client}
        self._server = server
        self._ended = ended
        self.bytes_left: int | None = None
        self.swallows = False
        self.was_cut = False
        self.cut_a_reply = False
        self.is_open = True
        self._waits_for_reply = random.random() < 0.5  # noqa: S311 - chance, not secrecy

    def run(self) -> None:
        """Relay until either side ends, or the connection is cut."""
        with suppress(OSError):
            while not self._ended.is_set() and self._relay_once():
                pass
        self.is_open = False
        for end in self._peers:
            with suppress(OSError):
                end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
            end.close()

    def _relay_once(self) -> bool:
        for source in select(list(self._peers), [], [], _POLL_SECONDS)[0]:
            data = source.recv(_CHUNK_BYTES)
            is_reply = source is self._server
            if not data:
                return False
            if self.swallows and is_reply:
                continue
            passed = self._passed(len(data), is_reply=is_reply)
            self._peers[source].sendall(data[:passed])
            if passed < len(data):
                self.was_cut, self.cut_a_reply = True, is_reply
                return False
        return True

    def _passed(self, size: int, *, is_reply: bool) -> int:
        """Return how many of the bytes to relay; if fewer than all, the connection is then cut."""
        if self.bytes_left is None:
            return size
        if size <= self.bytes_left:
            self.bytes_left -= size
            return size
        if not self._waits_for_reply:
            return self.bytes_left
        self.bytes_left = 0
        return random.randrange(size) if is_reply else size  # noqa: S311 - chance, not secrecy
