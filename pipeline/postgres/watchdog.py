"""Break connections whose server has gone silent.

A black-holed connection, kept open by a proxy or a firewall while replies never come, outlives
``statement_timeout``, which the unreachable server would have to enforce, and ``tcp_user_timeout``,
since nothing is left to acknowledge. Only this end can give up.
"""

import heapq
import os
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any, Final

from psycopg import Connection


@dataclass(order=True, slots=True)
class _Watch:
    deadline: float
    connection: Connection[Any] = field(compare=False)
    over: bool = field(compare=False, default=False)


class Watchdog:
    """One thread that shuts down the socket of every connection used beyond its deadline.

    The thread using it then gets the ``OperationalError`` of a lost connection.
    """

    def __init__(self) -> None:
        self._watches: list[_Watch] = []
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None

    @contextmanager
    def watch(self, connection: Connection[Any], seconds: float) -> Iterator[None]:
        """Give the block so many seconds with the connection."""
        watch = _Watch(time.monotonic() + seconds, connection)
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
        with self._changed:
            while True:
                while self._watches and self._watches[0].over:
                    heapq.heappop(self._watches)
                if not self._watches:
                    self._changed.wait()
                    continue
                left = self._watches[0].deadline - time.monotonic()
                if left > 0:
                    self._changed.wait(left)
                else:
                    _cut(heapq.heappop(self._watches).connection)


def _cut(connection: Connection[Any]) -> None:
    # Already closed, or gone in this very moment: what was to be done is done.
    with suppress(OSError), socket.socket(fileno=os.dup(connection.fileno())) as end:
        end.shutdown(socket.SHUT_RDWR)


WATCHDOG: Final = Watchdog()
