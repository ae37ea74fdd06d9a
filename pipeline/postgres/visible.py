"""Wait for a captured transaction to be seen.

Change data capture sends a row as soon as its commit is on disk. Other transactions see it a moment
later, and long after that where a standby has to confirm each commit first. Whoever looks too early
finds neither the event nor what was written with it: the project, the people, their rights.
"""

import time
from collections.abc import Iterable
from typing import Any, Final

import orjson
from psycopg import Connection

from pipeline.domain.identifiers import EventId
from pipeline.postgres.retry import with_connection
from pipeline.postgres.sql import load
from pipeline.settings import DatabaseSettings

FIRST_PAUSE_SECONDS: Final = 0.005
LONGEST_PAUSE_SECONDS: Final = 0.25

_VISIBLE: Final = load("pipeline.postgres", "visible_events")


def wait_until_visible(settings: DatabaseSettings, ids: Iterable[EventId]) -> set[EventId]:
    """Return once the rows of all these events can be seen, or after ``visible_within``.

    Returns:
        The events whose rows can be seen, with all else that their transactions wrote.

    Raises:
        TransientError: the database did not answer.
        ConfigurationError: it cannot be asked.
    """
    asked = set(ids)
    seen = _visible(settings, asked)
    deadline = time.monotonic() + settings.visible_within.total_seconds()
    pause = FIRST_PAUSE_SECONDS
    while len(seen) < len(asked) and time.monotonic() < deadline:
        time.sleep(pause)
        pause = min(2 * pause, LONGEST_PAUSE_SECONDS)
        seen |= _visible(settings, asked - seen)
    return seen


def _visible(settings: DatabaseSettings, ids: set[EventId]) -> set[EventId]:
    parameters = {"asked": orjson.dumps(sorted(ids)).decode()}

    def look(connection: Connection[Any]) -> set[EventId]:
        return {EventId(row[0]) for row in connection.execute(_VISIBLE, parameters)}

    return with_connection(settings, look)
