"""Limits the statements that continue in the server after we gave them up.

While a commit waits for a missing standby, no timeout of the server ends it, and the server does
not notice that its client is gone. Each retry would add one more such statement, until the server
has no free connection.
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
    """Remember that a connection was lost and that its statement may still be running."""
    with _lock:
        _suspected.add(settings)


def check_left_behind(settings: DatabaseSettings, connection: Connection[Any]) -> None:
    """Check that not too many statements are left behind. Asks only after a lost connection.

    Raises:
        TransientError: at least as many statements are left behind as the pool has connections.
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
            f"{found} of our statements still run in the server after their connections were lost;"
            f" they wait for {_WAITS_FOR.get(event, event or 'the processor')}"
        )
