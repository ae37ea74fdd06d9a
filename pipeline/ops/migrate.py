"""Migrate: the numbered SQL files of a family in, a database with all of them applied out."""

import re
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

import psycopg
from psycopg import errors

from pipeline.clients.postgres import application
from pipeline.clients.postgres.locks import name_holder
from pipeline.clients.postgres.refusal import read_refusal
from pipeline.clients.postgres.session import Session, SessionConnection, working
from pipeline.clients.postgres.tables import check_tables
from pipeline.domain.errors import ConfigurationError, FanoutError, TransientError
from pipeline.ops.families import (
    MIGRATIONS,
    Family,
    Migration,
    family_of,
    files_of,
    reference_files,
)

Connection = psycopg.Connection[tuple[Any, ...]]

APPLICATION_TABLES: Final = application.TABLES

# Any constant will do, as long as nothing else in the database takes the same one.
_LOCK_KEY: Final = 0x66616E6F7574
_REFERENCE: Final = "reference/"
# What a file makes in the application's schema, as a rule once.
CREATES: Final = re.compile(rb"^CREATE (?:TABLE|VIEW) (public\.\w+)", re.MULTILINE)
# Whoever waits for a table's lock holds up everyone behind: better to give way.
_LOCK_TIMEOUT: Final = timedelta(seconds=5)
_LOCK_MILLISECONDS: Final = round(_LOCK_TIMEOUT.total_seconds() * 1000)
# An index over a large table takes as long as it takes.
_SESSION: Final = Session(name="fanout-migrate", lock_timeout=_LOCK_TIMEOUT)
_RECORDER: Final = """
    CREATE TABLE IF NOT EXISTS public.fanout_migrations (
        name       text PRIMARY KEY,
        checksum   text NOT NULL,
        applied_at timestamptz NOT NULL DEFAULT now()
    )
"""


def migrate(
    dsn: str,
    *,
    family: Family = Family.FANOUT,
    reference_schema: bool = False,
    report: Callable[[str], None] = lambda _: None,
    directory: Path = MIGRATIONS,
) -> list[str]:
    """Apply what is not yet applied of a family's files, in their order.

    Each file is applied and recorded in a transaction of its own, one process at a time: after a
    failure the database is as the last whole file left it, and running again goes on from there.

    Args:
        dsn: A database, as a user who owns the application's tables and may create roles.
        family: Whose files; another family's may follow later, or have come before.
        reference_schema: Whether to create the application's own tables first.
        report: Takes one line for each file applied and for each warning of the database.
        directory: Where the files are.

    Returns:
        The names of the files that this call applied.

    Raises:
        ConfigurationError: The application's tables are not as they have to be, the database holds
            a file in another version than this one, or refuses a file.
        TransientError: A table was in use for too long; running again goes on.
    """
    needs_application = family is Family.FANOUT
    if reference_schema and not needs_application:
        raise ConfigurationError(
            f"--reference-schema creates what the family {Family.FANOUT} needs: leave it out,"
            f" or write --family {Family.FANOUT}"
        )
    reference = reference_files(directory) if reference_schema else []
    ours = files_of(family, directory)
    with _connect(dsn) as connection:
        connection.add_notice_handler(lambda notice: _report_warning(notice, report))
        # Before anything is made: no database is left half migrated for what could be seen before.
        with _one_at_a_time(connection, of="the look at the database"):
            recorded = _recorded(connection) if _has_recorder(connection) else {}
            _check_recorded(
                recorded, [*reference_files(directory), *files_of(Family.FANOUT, directory)]
            )
            _check_free(
                connection, [each for each in [*reference, *ours] if each.name not in recorded]
            )
            if needs_application and not reference:
                check_tables(connection)
        applied = _apply_all(connection, reference, report)
        if reference:
            check_tables(connection)
        return applied + _apply_all(connection, ours, report)


def pending(dsn: str, *, family: Family | None = None, directory: Path = MIGRATIONS) -> list[str]:
    """The names of a family's files that the database lacks; changes nothing.

    Args:
        dsn: The database.
        family: None for the one that the database was migrated for.
        directory: Where the files are.
    """
    with _connect(dsn) as connection:
        recorded = _recorded(connection) if _has_recorder(connection) else {}
    files = files_of(family or family_of(recorded), directory)
    return [each.name for each in files if each.name not in recorded]


def _connect(dsn: str) -> Connection:
    try:
        return SessionConnection.connect(dsn, session=_SESSION)
    except psycopg.Error as error:
        raise read_refusal(error).error from None


def _has_recorder(connection: Connection) -> bool:
    found = connection.execute("SELECT to_regclass('public.fanout_migrations') IS NOT NULL")
    return found.fetchone() == (True,)


def _recorded(connection: Connection) -> dict[str, str]:
    """The checksum of each applied file."""
    rows = connection.execute("SELECT name, checksum FROM public.fanout_migrations")
    return dict(rows.fetchall())


def _check_recorded(recorded: Mapping[str, str], migrations: Iterable[Migration]) -> None:
    for migration in migrations:
        if recorded.get(migration.name, migration.checksum) != migration.checksum:
            raise ConfigurationError(
                f"{migration.name} was changed after this database applied it: "
                "restore the file and put the change into a new one"
            )


def _check_free(connection: Connection, migrations: Iterable[Migration]) -> None:
    """Return if nothing bears a name yet that these files give to a table or view."""
    creates = {
        match[1].decode(): migration.is_reference
        for migration in migrations
        for match in CREATES.finditer(migration.sql)
    }
    rows = connection.execute(
        "SELECT name FROM unnest(%s::text[]) AS name WHERE to_regclass(name) IS NOT NULL",
        [list(creates)],
    )
    taken = [name for (name,) in rows]
    if any(creates[name] for name in taken):
        raise ConfigurationError(
            f"the application's tables are there already ({', '.join(taken)}):"
            " leave out --reference-schema"
        )
    if taken:
        raise ConfigurationError(
            f"our own tables need names that are taken: {', '.join(taken)};"
            " rename what has them, then run migrate again"
        )


def _apply_all(
    connection: Connection, migrations: Sequence[Migration], report: Callable[[str], None]
) -> list[str]:
    """Apply what is still to do, in order; gives the names."""
    applied = []
    with _one_at_a_time(connection, of="fanout_migrations"):
        connection.execute(_RECORDER)
    for migration in migrations:
        started = time.monotonic()
        if _apply(connection, migration):
            applied.append(migration.name)
            report(f"applied {migration.name} in {time.monotonic() - started:.2f} s")
    return applied


def _apply(connection: Connection, migration: Migration) -> bool:
    """Apply one file and record it, or neither; whether it was still to do."""
    with _one_at_a_time(connection, of=migration.name):
        if migration.name in _recorded(connection):
            return False
        connection.execute(migration.sql)
        connection.execute(
            "INSERT INTO public.fanout_migrations (name, checksum) VALUES (%s, %s)",
            [migration.name, migration.checksum],
        )
    return True


@contextmanager
def _one_at_a_time(connection: Connection, *, of: str) -> Iterator[None]:
    """A transaction that no other migration of this database runs beside."""
    try:
        with working(connection), connection.transaction():
            # Another migration ends by itself, however long an index takes.
            connection.execute("SET LOCAL lock_timeout = 0")
            connection.execute("SELECT pg_advisory_xact_lock(%s)", [_LOCK_KEY])
            connection.execute(f"SET LOCAL lock_timeout = {_LOCK_MILLISECONDS}".encode())
            connection.execute("SET LOCAL search_path = pg_catalog")
            yield
    except psycopg.Error as error:
        raise _explained(connection, error, of) from error


def _explained(connection: Connection, error: psycopg.Error, name: str) -> FanoutError:
    """The error for `name`, without the DETAIL, which quotes rows."""
    primary = error.diag.message_primary or " ".join(str(error).split())
    message = f"{name}: {primary}"
    match error:
        case errors.LockNotAvailable() | errors.DeadlockDetected():
            held = name_holder(connection, error, TransientError(primary), waited=_LOCK_TIMEOUT)
            return TransientError(f"{name}: {held}; the table is in use, run migrate again")
        case psycopg.OperationalError():
            return TransientError(f"{message}; run migrate again")
        case errors.DuplicateTable() if name.startswith(_REFERENCE):
            hint = "the application's tables are there already, leave out --reference-schema"
        case errors.InsufficientPrivilege():
            hint = "run migrate as the owner of the application's tables"
        case _:
            hint = error.diag.message_hint or ""
    return ConfigurationError(f"{message}; {hint}" if hint else message)


def _report_warning(notice: errors.Diagnostic, report: Callable[[str], None]) -> None:
    if notice.severity_nonlocalized == "WARNING":
        report(f"warning: {notice.message_primary}")
