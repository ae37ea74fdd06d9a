"""Waits until a captured transaction is visible.

Change data capture sends a row as soon as its commit is on disk. Other transactions see the row a
moment later. If a standby must confirm each commit, they see it much later. An early reader finds
neither the event nor the rows that were written with it: the project, the people, their rights.
"""

import threading
import time
from collections import OrderedDict
from collections.abc import Iterable
from datetime import timedelta
from functools import cache
from typing import Any, Final

from psycopg import Connection

from pipeline.clients.postgres.retry import with_connection
from pipeline.clients.postgres.sql import load
from pipeline.domain.backoff import Backoff
from pipeline.domain.identifiers import EventId
from pipeline.settings import DatabaseSettings

BACKOFF: Final = Backoff(first=0.005, longest=0.25)
REMEMBERED_FOR: Final = timedelta(minutes=10)
MOST_REMEMBERED: Final = 100_000

_VISIBLE: Final = load("pipeline.clients.postgres", "visible_events")


def visible(settings: DatabaseSettings, ids: Iterable[EventId]) -> set[EventId]:
    """Return those of these events whose transactions are visible.

    Raises:
        TransientError: the database did not answer.
        ConfigurationError: the query cannot succeed.
    """
    asked = sorted(set(ids))

    def look(connection: Connection[Any]) -> set[EventId]:
        return {EventId(row[0]) for row in connection.execute(_VISIBLE, {"ids": asked})}

    return with_connection(settings, look) if asked else set()


def wait_until_visible(settings: DatabaseSettings, ids: Iterable[EventId]) -> set[EventId]:
    """Wait until the rows of all these events are visible, at most ``visible_within``.

    Returns:
        The events whose rows are visible.

    Raises:
        TransientError: the database did not answer.
        ConfigurationError: the query cannot succeed.
    """
    asked = set(ids)
    deadline = time.monotonic() + settings.visible_within.total_seconds()
    seen: set[EventId] = set()
    for pause in BACKOFF.pauses():
        if len(seen) == len(asked) or time.monotonic() >= deadline:
            break
        time.sleep(pause)
        seen |= visible(settings, asked - seen)
    return seen


class Gone:
    """Remembers the ids whose rows did not appear, so that nobody waits for a row twice.

    Thread-safe. It forgets an id after ``REMEMBERED_FOR``, and holds ``MOST_REMEMBERED`` ids.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._until: OrderedDict[EventId, float] = OrderedDict()

    def remember(self, ids: Iterable[EventId]) -> None:
        """Remember that these ids have no row."""
        until = time.monotonic() + REMEMBERED_FOR.total_seconds()
        with self._lock:
            for event_id in ids:
                self._until[event_id] = until
                self._until.move_to_end(event_id)
            while len(self._until) > MOST_REMEMBERED:
                self._until.popitem(last=False)

    def knows(self, event_id: EventId) -> bool:
        """Whether the row of this id did not appear a while ago."""
        with self._lock:
            return self._until.get(event_id, 0.0) > time.monotonic()


@cache
def gone_from(settings: DatabaseSettings) -> Gone:
    """Return the process's memory of ids without a row in this database."""
    del settings  # the key of the cache
    return Gone()
