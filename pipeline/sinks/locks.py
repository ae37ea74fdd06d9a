"""Remember which rows were locked a moment ago, so that later batches do not wait for them."""

import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

from psycopg import Connection

from pipeline.clients.postgres.retry import with_connection
from pipeline.clients.postgres.sql import load
from pipeline.fanout.effects import ThreadActivity
from pipeline.fanout.outcome import Outcome
from pipeline.settings import DatabaseSettings

# After a lock was found, outcomes that need the same row are not tried for this time.
HOT_SECONDS: Final = 1.0
# After that they are tried for this time, but in a statement of their own.
WARM_SECONDS: Final = 60.0

_TABLES_LOCKED: Final = load(__package__, "tables_locked")

Key = tuple[str, object]


@dataclass(frozen=True, slots=True)
class Sorted:
    """Outcomes sorted by what we know about the rows that they need.

    Attributes:
        free: no known lock.
        doubtful: a row was locked up to ``WARM_SECONDS`` ago.
        locked: a row was locked up to ``HOT_SECONDS`` ago.
    """

    free: Sequence[Outcome]
    doubtful: Sequence[Outcome]
    locked: Sequence[Outcome]


class Locks:
    """Remembers events that needed a locked row, and the chat threads whose counters they change.

    The other messages of such a chat thread need the same rows. Entries expire after
    ``WARM_SECONDS``. Thread-safe.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._found_at: dict[Key, float] = {}

    def remember(self, outcome: Outcome) -> None:
        """Remember that an outcome needs a locked row."""
        now = time.monotonic()
        with self._lock:
            self._found_at = {
                key: found for key, found in self._found_at.items() if now - found < WARM_SECONDS
            }
            self._found_at.update(dict.fromkeys(_keys(outcome), now))

    def forget(self, outcomes: Sequence[Outcome]) -> None:
        """Forget the locks of outcomes that were written."""
        with self._lock:
            if self._found_at:
                for outcome in outcomes:
                    for key in _keys(outcome):
                        self._found_at.pop(key, None)

    def sort(self, outcomes: Sequence[Outcome]) -> Sorted:
        """Sort outcomes by the locks that are remembered."""
        with self._lock:
            found_at = dict(self._found_at)
        if not found_at:
            return Sorted(outcomes, (), ())
        free, doubtful, locked = [], [], []
        now = time.monotonic()
        for outcome in outcomes:
            age = min(
                (now - found_at[key] for key in _keys(outcome) if key in found_at), default=None
            )
            if age is None or age >= WARM_SECONDS:
                free.append(outcome)
            elif age >= HOT_SECONDS:
                doubtful.append(outcome)
            else:
                locked.append(outcome)
        return Sorted(free, doubtful, locked)


def _keys(outcome: Outcome) -> set[Key]:
    threads: set[Key] = {
        ("thread", effect.thread_id)
        for _, effect in outcome.effects
        if isinstance(effect, ThreadActivity)
    }
    return threads | {("event", outcome.event_id)}


@cache
def locks_of(settings: DatabaseSettings) -> Locks:
    """Return the process's locks of a database."""
    del settings  # the key of the cache
    return Locks()


def locked_tables(settings: DatabaseSettings) -> list[str]:
    """Return the tables that every write needs and another session locks, or waits to lock."""

    def look(connection: Connection[Any]) -> list[str]:
        return [row[0] for row in connection.execute(_TABLES_LOCKED)]

    return with_connection(settings, look)
