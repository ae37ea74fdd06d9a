"""What was found locked a moment ago, so that nobody waits for it in vain again and again."""

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

# For so long what needs the same row is not tried.
HOT_SECONDS: Final = 1.0
# For so long it is tried, but not beside what may be free.
WARM_SECONDS: Final = 60.0

_TABLES_LOCKED: Final = load(__package__, "tables_locked")

Key = tuple[str, object]


@dataclass(frozen=True, slots=True)
class Sorted:
    """Outcomes by what is known of the rows that they need.

    Attributes:
        free: nothing.
        doubtful: that one of them was locked a while ago.
        locked: that one of them was locked just now.
    """

    free: Sequence[Outcome]
    doubtful: Sequence[Outcome]
    locked: Sequence[Outcome]


class Locks:
    """Remembers events that needed a locked row, and the threads whose counters they would change.

    The other messages of such a thread need the same rows. Thread-safe, bounded by time.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._met_at: dict[Key, float] = {}

    def remember(self, outcome: Outcome) -> None:
        """It needs a row that is locked."""
        now = time.monotonic()
        with self._lock:
            self._met_at = {
                key: met for key, met in self._met_at.items() if now - met < WARM_SECONDS
            }
            self._met_at.update(dict.fromkeys(_keys(outcome), now))

    def forget(self, outcomes: Sequence[Outcome]) -> None:
        """They were written."""
        with self._lock:
            if self._met_at:
                for outcome in outcomes:
                    for key in _keys(outcome):
                        self._met_at.pop(key, None)

    def sort(self, outcomes: Sequence[Outcome]) -> Sorted:
        """Tell what may be free from what was locked a while ago, and from what still is."""
        with self._lock:
            met_at = dict(self._met_at)
        if not met_at:
            return Sorted(outcomes, (), ())
        free, doubtful, locked = [], [], []
        now = time.monotonic()
        for outcome in outcomes:
            age = min((now - met_at[key] for key in _keys(outcome) if key in met_at), default=None)
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
    """The process's memory of a database."""
    del settings  # the key of the cache
    return Locks()


def locked_tables(settings: DatabaseSettings) -> list[str]:
    """The tables that every write needs and somebody has locked whole, or is about to."""

    def look(connection: Connection[Any]) -> list[str]:
        return [row[0] for row in connection.execute(_TABLES_LOCKED)]

    return with_connection(settings, look)
