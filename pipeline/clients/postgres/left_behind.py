"""Statements that go on in the server after we gave up on them, and how many of them there may be.

While a commit waits for a standby that is not there, no time-out of the server ends it, nor does it
notice that its client is gone. Each new try would leave one more behind, until no connection is
left for anybody.
"""

import threading
from typing import Any, Final

from psycopg import Connection

from pipeline.clients.postgres.sql import load
from pipeline.domain.errors import TransientError
from pipeline.settings import DatabaseSettings

_COUNT: Final = load("pipeline.clients.postgres", "left_behind")
_WAITS_FOR: Final = {"SyncRep": "a standby: see synchronous_standby_names"}

_lock: Final = threading.Lock()
_suspected: Final[set[DatabaseSettings]] = set()


def suspect(settings: DatabaseSettings) -> None:
    """Remember that a connection was lost, whose statement may still be at work."""
    with _lock:
        _suspected.add(settings)


def check_left_behind(settings: DatabaseSettings, connection: Connection[Any]) -> None:
    """Return if there is room for one more; asks the server only after a connection was lost.

    Raises:
        TransientError: as many statements as the pool has connections were left behind.
    """
    if settings not in _suspected:
        return
    seconds = settings.reply_timeout.total_seconds()
    found, event = connection.execute(_COUNT, {"seconds": seconds}).fetchall()[0]
    if found == 0:
        with _lock:
            _suspected.discard(settings)
    elif found >= settings.pool_size:
        raise TransientError(
            f"the server does not come to an end with {found} of our statements; they wait for"
            f" {_WAITS_FOR.get(event, event or 'the processor')}"
        )
