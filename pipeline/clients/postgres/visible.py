"""Wait for a captured transaction to be seen.

Change data capture sends a row as soon as its commit is on disk. Other transactions see it a moment
later, and long after that where a standby has to confirm each commit first. Whoever looks too early
finds neither the event nor what was written with it: the project, the people, their rights.
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
    """Those of these events whose rows can be seen, with all else that their transactions wrote.

    Raises:
        TransientError: the database did not answer.
        ConfigurationError: it cannot be asked.
    """
    asked = sorted(set(ids))

    def look(connection: Connection[Any]) -> set[EventId]:
        return {EventId(row[0]) for row in connection.execute(_VISIBLE, {"ids": asked})}

    return with_connection(settings, look) if asked else set()


def wait_until_visible(settings: DatabaseSettings, ids: Iterable[EventId]) -> set[EventId]:
    """Return once the rows of all these events can be seen, or after ``visible_within``.

    Returns:
        The events whose rows can be seen.

    Raises:
        TransientError: the database did not answer.
        ConfigurationError: it cannot be asked.
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
    """Remembers for a while the ids that were waited for in vain, so that none is waited for twice.

    Thread-safe; bounded in number and in time.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._until: OrderedDict[EventId, float] = OrderedDict()

    def remember(self, ids: Iterable[EventId]) -> None:
        """These have no row."""
        until = time.monotonic() + REMEMBERED_FOR.total_seconds()
        with self._lock:
            for event_id in ids:
                self._until[event_id] = until
                self._until.move_to_end(event_id)
            while len(self._until) > MOST_REMEMBERED:
                self._until.popitem(last=False)

    def knows(self, event_id: EventId) -> bool:
        """Whether it was waited for in vain a while ago."""
        with self._lock:
            return self._until.get(event_id, 0.0) > time.monotonic()


@cache
def gone_from(settings: DatabaseSettings) -> Gone:
    """The process's memory of what a database does not have."""
    del settings  # the key of the cache
    return Gone()
