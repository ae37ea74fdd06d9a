"""Changes tables that others use: nobody waits for long behind us."""

import time
from collections.abc import Callable
from typing import Any, Final, LiteralString

from psycopg import Connection, sql
from psycopg.errors import LockNotAvailable

from pipeline.clients.postgres.session import SessionConnection, working
from pipeline.domain.errors import TransientError
from pipeline.ops.families import MIGRATION_LOCK

# Whoever waits for a lock on a table holds up all who come later. So each wait is short.
LOCK_WAIT: Final = "100ms"
LOCK_PAUSE: Final = 0.5
LOCK_SECONDS: Final = 60.0


def set_for_session(connection: Connection[Any], name: LiteralString, value: LiteralString) -> None:
    """Set something for all that follows in this session.

    Not behind a pooler in transaction mode: the application gets the same session after us, and
    would have the setting too.
    """
    if not (isinstance(connection, SessionConnection) and connection.is_pooled):
        connection.execute(sql.SQL("SET {} = {}").format(sql.Identifier(name), sql.Literal(value)))


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
            with working(connection), connection.transaction():
                connection.execute(sql.SQL("SET LOCAL lock_timeout = {}").format(LOCK_WAIT))
                connection.execute("SET LOCAL search_path = pg_catalog")
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
