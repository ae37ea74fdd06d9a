"""Changes tables that others use: nobody waits for long behind us."""

import time
from collections.abc import Callable
from typing import Any, Final

from psycopg import Connection, sql
from psycopg.errors import LockNotAvailable

from pipeline.domain.errors import TransientError
from pipeline.ops.families import MIGRATION_LOCK

# Whoever waits for a lock on a table holds up all who come later. So each wait is short.
LOCK_WAIT: Final = "100ms"
LOCK_PAUSE: Final = 0.5
LOCK_SECONDS: Final = 60.0


def in_short_waits(connection: Connection[Any], names: str, change: Callable[[], None]) -> None:
    """Change something in one transaction, which never waits for long for a lock.

    Args:
        connection: in autocommit.
        names: of the tables, for people.
        change: is called again after it could not have a lock.

    Raises:
        TransientError: a table was in use for too long.
    """
    deadline = time.monotonic() + LOCK_SECONDS
    while True:
        try:
            with connection.transaction():
                connection.execute(sql.SQL("SET LOCAL lock_timeout = {}").format(LOCK_WAIT))
                connection.execute("SELECT pg_advisory_xact_lock(%s)", [MIGRATION_LOCK])
                change()
        except LockNotAvailable:
            if time.monotonic() >= deadline:
                raise TransientError(
                    f"{names} was in use for {LOCK_SECONDS:g} s: end long"
                    " transactions, or run migrate again later"
                ) from None
            time.sleep(LOCK_PAUSE)
        else:
            return
