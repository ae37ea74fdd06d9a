"""Finds who holds a lock that others wait for: a connection in; table, holder and duration out."""

import re
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

import psycopg
from psycopg import Connection
from psycopg.rows import class_row

from pipeline.clients.postgres.application_jobs import ALL_TABLES
from pipeline.clients.postgres.session import working
from pipeline.clients.postgres.sql import load
from pipeline.domain.errors import FanoutError, TransientError
from pipeline.domain.units import counted_waiting, duration

_LOCKS: Final = load("pipeline.clients.postgres", "locks")
_NOT_AVAILABLE: Final = "55P03"
# In the context of an error, in any language of the server.
_TABLE: Final = re.compile(r'relation "([^"]+)"')
_LONG_SECONDS: Final = 5
# Waiting sessions give up and retry, so a single wait is shorter than the lock.
_LONG_WAIT_SECONDS: Final = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Lock:
    """A lock on one table.

    Attributes:
        table_name: with its schema; None if it is unknown.
        pid: the process id of the holder; 0 for a prepared transaction.
        application: the application name of the holder.
        user_name: the login of the holder.
        since: when its transaction began, in ISO 8601; None if this user may not see it.
        seconds: how long ago that is.
        waiting: the application names of the waiting sessions.
        waiters: the number of waiting sessions.
        waited_seconds: how long the first of them has waited.
    """

    table_name: str | None
    pid: int
    application: str
    user_name: str | None
    since: str | None
    seconds: float | None
    waiting: Sequence[str]
    waiters: int
    waited_seconds: float | None

    @property
    def words(self) -> str:
        """The text: ``a lock on public.orgs, held by pid 123 (psql) for 75 s``."""
        where = f" on {self.table_name}" if self.table_name else ""
        who = f"pid {self.pid}" if self.pid else "a prepared transaction"
        called = f" ({self.application})" if self.application else ""
        return f"a lock{where}, held by {who}{called}{self._how_long}"

    @property
    def details(self) -> str:
        """The text with more about the holder and the waiting sessions."""
        user = f", user {self.user_name}" if self.user_name else ""
        since = f", since {self.since}" if self.since else ""
        if not self.waiters:
            return f"{self.words}{user}{since}; no session waits for it yet"
        names = f" ({', '.join(name or 'without a name' for name in self.waiting)})"
        waits = counted_waiting(self.waiters, "session")
        length = "" if self.waited_seconds is None else f" for {duration(self.waited_seconds)}"
        return f"{self.words}{user}{since}; {waits}{length}{names}"

    @property
    def is_long(self) -> bool:
        """Whether the lock is held for long, as far as this user can see. Most locks are short."""
        if self.seconds is not None:
            return self.seconds >= _LONG_SECONDS
        return not self.waiters or (self.waited_seconds or 0) >= _LONG_WAIT_SECONDS

    @property
    def _how_long(self) -> str:
        if self.seconds is not None:
            return f" for {duration(self.seconds)}"
        if self.waited_seconds is not None:
            return f" for at least {duration(self.waited_seconds)}"
        return ""


def read_locks(
    connection: Connection[Any], *, rows_of: str | None = None, waited: float = 0
) -> list[Lock]:
    """Return the locks on our tables that block others or could, the most urgent first.

    Args:
        connection: in autocommit.
        rows_of: a table. Also return transactions that have locked its rows for ``waited`` seconds.
        waited: how long a row of the table was waited for.
    """
    asked = {"tables": list(ALL_TABLES), "rows_of": rows_of, "waited": waited}
    with connection.cursor(row_factory=class_row(Lock)) as cursor:
        return cursor.execute(_LOCKS, asked).fetchall()


def is_about_a_lock(error: psycopg.Error) -> bool:
    """Whether the error is a lock timeout."""
    return error.sqlstate == _NOT_AVAILABLE


def name_holder(
    connection: Connection[Any], error: psycopg.Error, failure: FanoutError, *, waited: timedelta
) -> FanoutError:
    """Return the failure. If the error is a lock timeout, its text names the holder of the lock.

    Args:
        connection: a connection that waits for no lock.
        error: the error of psycopg.
        failure: our error for it; returned unchanged if the holder is unknown.
        waited: the timeout.
    """
    if not is_about_a_lock(error):
        return failure
    named = _TABLE.search(error.diag.context or "")
    seconds = waited.total_seconds()
    found: list[Lock] = []
    # The lock may be released by now. An error of this query must not hide the failure.
    with suppress(psycopg.Error, FanoutError), working(connection):
        found = read_locks(connection, rows_of=named[1] if named else None, waited=seconds)
    if named:
        found = [lock for lock in found if lock.table_name in (None, f"public.{named[1]}")] or found
    if not found:
        return failure
    first = found[0]
    length = "" if first.seconds or first.waited_seconds else f" for at least {duration(seconds)}"
    return TransientError(f"{first.words}{length} (SQLSTATE {_NOT_AVAILABLE})")
