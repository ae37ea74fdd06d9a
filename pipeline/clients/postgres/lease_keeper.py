"""Extends the leases of what this process works on, until the work ends or has taken too long."""

import logging
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import Final

from pipeline.clients.postgres.lease import extend_all
from pipeline.clients.postgres.leased_table import LeasedTable
from pipeline.clients.postgres.retry import with_connection
from pipeline.domain.errors import FanoutError
from pipeline.domain.lease import Lease
from pipeline.settings import DatabaseSettings

# Work that takes as many leases hangs. Its leases end then, and another worker gets the records.
MOST_LEASES: Final = 20

_log: Final = logging.getLogger(__name__)


@dataclass(slots=True)
class _Work:
    leases: Sequence[Lease]
    started: float
    extended: float


class LeaseKeeper:
    """Keeps the leases of one process in one table. Thread-safe.

    A batch that takes longer than a lease keeps its records, so that two workers do not pass them
    to and fro. A thread extends what has had its lease for a third of its time. So a process that
    is killed or stopped loses its leases within one lease, and a step that hangs within
    ``MOST_LEASES`` and one more.
    """

    def __init__(
        self,
        settings: DatabaseSettings,
        table: Callable[[], LeasedTable],
        lease: timedelta,
        *,
        longest: timedelta | None = None,
    ) -> None:
        """Make a keeper without leases. It has a thread only while it keeps some.

        Args:
            settings: the database of the table.
            table: returns the table of the records.
            lease: for how long leases are taken.
            longest: for how long after its begin work is kept. None: ``MOST_LEASES``.
        """
        self._settings = settings
        self._table = table
        self._lease = lease
        self._longest = (lease * MOST_LEASES if longest is None else longest).total_seconds()
        self._every = lease.total_seconds() / 6
        self._lock = threading.Lock()
        self._works: dict[int, _Work] = {}
        self._thread: threading.Thread | None = None

    @property
    def kept(self) -> int:
        """How many leases are kept now."""
        with self._lock:
            return sum(len(each.leases) for each in self._works.values())

    @contextmanager
    def keeping(self, leases: Sequence[Lease]) -> Iterator[None]:
        """Keep these leases until the block ends. One that was settled or lost stays so."""
        if not leases:
            yield
            return
        now = time.monotonic()
        work = _Work(leases, now, now)
        with self._lock:
            self._works[id(work)] = work
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(target=self._run, name="leases", daemon=True)
                self._thread.start()
        try:
            yield
        finally:
            with self._lock:
                del self._works[id(work)]

    def _run(self) -> None:
        while True:
            time.sleep(self._every)
            with self._lock:
                if not self._works:
                    self._thread = None
                    return
                now = time.monotonic()
                late = [
                    each
                    for each in self._works.values()
                    if now - each.extended >= 2 * self._every and now - each.started < self._longest
                ]
            if late:
                self._extend(late)

    def _extend(self, works: Sequence[_Work]) -> None:
        leases = [lease for work in works for lease in work.leases]
        begun = time.monotonic()
        try:
            with_connection(
                self._settings,
                partial(extend_all, table=self._table(), held=leases, lease=self._lease),
            )
        except FanoutError as failure:
            _log.warning("could not extend %d leases: %s; trying again", len(leases), failure)
            return
        for work in works:
            work.extended = begun
