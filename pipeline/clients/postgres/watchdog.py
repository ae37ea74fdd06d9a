"""Breaks connections whose server no longer replies.

A proxy or a firewall can keep a connection open although no reply arrives. ``statement_timeout``
does not help, since the server enforces it. ``tcp_user_timeout`` does not help either, since all
data is acknowledged. Only the client can give up.
"""

import heapq
import math
import os
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any, Final

from psycopg import Connection

# Half of the 10 s that a shutdown may take. The rest is for a last check that the server answers.
CAP_SECONDS: Final = 5.0
# How often the thread looks for a cap: a signal handler sets it, and cannot wake the thread.
LOOK_SECONDS: Final = 0.5


@dataclass(order=True, slots=True)
class _Watch:
    deadline: float
    connection: Connection[Any] = field(compare=False)
    over: bool = field(compare=False, default=False)


class Watchdog:
    """A thread that shuts down the socket of every connection in use after its deadline.

    The user of the connection then gets the ``OperationalError`` of a lost connection.
    """

    def __init__(self) -> None:
        self._watches: list[_Watch] = []
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None
        self._cap = math.inf

    def cap_deadlines(self, seconds: float = CAP_SECONDS) -> None:
        """Cap every current and future deadline at ``seconds``. Irreversible.

        For a process that is about to end. Safe in a signal handler, since it takes no lock.
        """
        self._cap = min(self._cap, seconds)

    @property
    def is_capped(self) -> bool:
        """Whether the process is about to end. Failed work is then not retried."""
        return self._cap < math.inf

    @contextmanager
    def watch(self, connection: Connection[Any], seconds: float) -> Iterator[None]:
        """Break the connection if the block uses it for longer than ``seconds``."""
        watch = _Watch(time.monotonic() + min(seconds, self._cap), connection)
        with self._changed:
            heapq.heappush(self._watches, watch)
            self._start()
            if self._watches[0] is watch:
                self._changed.notify()
        try:
            yield
        finally:
            with self._changed:
                watch.over = True

    def _start(self) -> None:
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="watchdog", daemon=True)
            self._thread.start()

    def _run(self) -> None:
        cap = math.inf
        with self._changed:
            while True:
                if self._cap < cap:
                    cap = self._cap
                    self._shorten(cap)
                while self._watches and self._watches[0].over:
                    heapq.heappop(self._watches)
                if not self._watches:
                    self._changed.wait()
                    continue
                left = self._watches[0].deadline - time.monotonic()
                if left > 0:
                    self._changed.wait(min(left, LOOK_SECONDS))
                else:
                    _cut(heapq.heappop(self._watches).connection)

    def _shorten(self, seconds: float) -> None:
        latest = time.monotonic() + seconds
        for watch in self._watches:
            watch.deadline = min(watch.deadline, latest)
        heapq.heapify(self._watches)


def _cut(connection: Connection[Any]) -> None:
    # On an error the connection is already closed: there is nothing to do.
    with suppress(OSError), socket.socket(fileno=os.dup(connection.fileno())) as end:
        end.shutdown(socket.SHUT_RDWR)


WATCHDOG: Final = Watchdog()
