"""Applies the numbered SQL files of a family to a database."""

import re
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any, Final

import psycopg
from psycopg import errors

from pipeline.clients.postgres import application
from pipeline.clients.postgres.locks import name_holder
from pipeline.clients.postgres.refusal import read_refusal
from pipeline.clients.postgres.session import Session, SessionConnection, working
from pipeline.clients.postgres.tables import check_tables
from pipeline.domain.errors import (
    ConfigurationError,
    FanoutError,
    TransientError,
    UsageError,
)
from pipeline.ops.families import (
    MIGRATION_LOCK,
    MIGRATIONS,
    Family,
    Migration,
    families_of,
    files_of,
    reference_files,
)
from pipeline.ops.own_tables.aside import check_ours_again, use_ours_again
from pipeline.ops.own_tables.faults import check_own_tables
from pipeline.ops.own_tables.given import NamedTables
from pipeline.ops.own_tables.replace import check_places, use_own_table
from pipeline.ops.own_tables.waits import set_for_session

Connection = psycopg.Connection[tuple[Any, ...]]

APPLICATION_TABLES: Final = application.TABLES

_NONE: Final = NamedTables()
_REFERENCE: Final = "reference/"
# The tables and views that a file creates in the application's schema. Most are created only once.
CREATES: Final = re.compile(rb"^CREATE (?:TABLE|VIEW) (public\.\w+)", re.MULTILINE)
# A session that waits for a table's lock blocks every later session. So the wait is short.
_LOCK_TIMEOUT: Final = timedelta(seconds=5)
_LOCK_MILLISECONDS: Final = round(_LOCK_TIMEOUT.total_seconds() * 1000)
# No statement timeout: an index over a large table may need hours.
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
    also: Collection[Family] = (),
    reference_schema: bool = False,
    tables: NamedTables = _NONE,
    report: Callable[[str], None] = lambda _: None,
    directory: Path = MIGRATIONS,
) -> list[str]:
    """Apply the files of a family that are not yet applied, in their order.

    Each file is applied and recorded in one transaction, by one process at a time. After a failure
    the database holds all files before the failed one. The next run continues there.

    Args:
        dsn: A database, with a login that owns the application's tables and may create roles.
        family: The family of the files. Files of another family may be applied before or after.
        also: Other families whose files to apply.
        reference_schema: Whether to create the application's tables first.
        tables: Tables of the application that take the place of those of the schema reactions,
            and those of ours that take it again, after the files.
        report: Called with one line for each applied file, each other change and each warning of
            the database.
        directory: The folder of the files.

    Returns:
        The names of the files that this call applied, and of the tables that it put in place.

    Raises:
        UsageError: Tables are given, but the family reactions is not.
        ConfigurationError: The application's tables lack something, the database applied another
            version of a file, or the database refuses a file.
        TransientError: A table was in use for too long. Run migrate again.
    """
    families = (family, *also)
    needs_application = any(each.needs_application for each in families)
    if reference_schema and not needs_application:
        raise ConfigurationError(
            f"--reference-schema creates tables for the family {Family.FANOUT}: remove it,"
            f" or use --family {Family.FANOUT}"
        )
    if tables and Family.REACTIONS not in families:
        raise UsageError(
            f"--table is for the family {Family.REACTIONS}: add --family {Family.REACTIONS}"
        )
    reference = reference_files(directory) if reference_schema else []
    ours = files_of(*families, directory=directory)
    with _connect(dsn) as connection:
        connection.add_notice_handler(lambda notice: _report_warning(notice, report))
        # Checked before the first change, so that a foreseeable error leaves nothing half migrated.
        with _one_at_a_time(connection, of="the check of the database"):
            recorded = _recorded(connection) if _has_recorder(connection) else {}
            every = files_of(*Family, directory=directory)
            _check_recorded(recorded, [*reference_files(directory), *every])
            _check_free(
                connection, [each for each in [*reference, *ours] if each.name not in recorded]
            )
            if needs_application and not reference:
                check_tables(connection, with_jobs=Family.JOBS in families)
            check_own_tables(connection, tables.given)
            check_places(connection, tables.given)
            check_ours_again(connection, tables.ours)
        applied = _apply_all(connection, reference, report)
        if reference:
            check_tables(connection, with_jobs=Family.JOBS in families)
        applied += _apply_all(connection, ours, report)
        return applied + _use_tables(connection, tables, report)


def installed_families(dsn: str) -> tuple[Family, ...]:
    """Return the families that a database was migrated for; the fan-out for a new one."""
    with _connect(dsn) as connection:
        return families_of(_recorded(connection) if _has_recorder(connection) else {})


def pending(dsn: str, *, family: Family | None = None) -> list[str]:
    """Return the names of a family's files that are not applied. Changes nothing.

    Args:
        dsn: The database.
        family: The family; None for those that the database was migrated for.
    """
    with _connect(dsn) as connection:
        recorded = _recorded(connection) if _has_recorder(connection) else {}
    families = families_of(recorded) if family is None else (family,)
    files = files_of(*families)
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
    """Return the checksum of each applied file."""
    rows = connection.execute("SELECT name, checksum FROM public.fanout_migrations")
    return dict(rows.fetchall())


def _check_recorded(recorded: Mapping[str, str], migrations: Iterable[Migration]) -> None:
    for migration in migrations:
        if recorded.get(migration.name, migration.checksum) != migration.checksum:
            raise ConfigurationError(
                f"{migration.name} was changed after this database applied it:"
                " restore the file, and put the change into a new file"
            )


def _check_free(connection: Connection, migrations: Iterable[Migration]) -> None:
    """Check that no table or view exists yet with a name that these files create."""
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
            f"the application's tables already exist ({', '.join(taken)}):"
            " remove --reference-schema"
        )
    if taken:
        raise ConfigurationError(
            f"these names are already in use, but our tables need them: {', '.join(taken)};"
            " rename the other tables or views, then run migrate again"
        )


def _apply_all(
    connection: Connection, migrations: Sequence[Migration], report: Callable[[str], None]
) -> list[str]:
    """Apply the files that are not yet applied, in order; return their names."""
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
    """Apply and record one file in one transaction; return False if it was applied before."""
    with _one_at_a_time(connection, of=migration.name):
        if migration.name in _recorded(connection):
            return False
        connection.execute(migration.sql)
        connection.execute(
            "INSERT INTO public.fanout_migrations (name, checksum) VALUES (%s, %s)",
            [migration.name, migration.checksum],
        )
    return True


def _use_tables(
    connection: Connection, tables: NamedTables, report: Callable[[str], None]
) -> list[str]:
    """Put tables in their places; return the names of those that are new there.

    Not in one transaction: an index that holds up nobody is built outside of any.
    """
    changes: list[tuple[str, Callable[[], bool]]] = [
        *((name, partial(use_ours_again, connection, name, report)) for name in tables.ours),
        *((each.own, partial(use_own_table, connection, each, report)) for each in tables.given),
    ]
    used = []
    for name, change in changes:
        try:
            set_for_session(connection, "search_path", "pg_catalog")
            if change():
                used.append(name)
        except psycopg.Error as error:
            raise _explained(connection, error, name) from error
    return used


@contextmanager
def _one_at_a_time(connection: Connection, *, of: str) -> Iterator[None]:
    """Run the block in a transaction, while no other migration of this database runs."""
    try:
        with working(connection), connection.transaction():
            # No timeout here: another migration ends by itself, even if an index takes hours.
            connection.execute("SET LOCAL lock_timeout = 0")
            connection.execute("SELECT pg_advisory_xact_lock(%s)", [MIGRATION_LOCK])
            connection.execute(f"SET LOCAL lock_timeout = {_LOCK_MILLISECONDS}".encode())
            connection.execute("SET LOCAL search_path = pg_catalog")
            yield
    except psycopg.Error as error:
        raise _explained(connection, error, of) from error


def _explained(connection: Connection, error: psycopg.Error, name: str) -> FanoutError:
    """Return the error for ``name``, without the DETAIL, which quotes rows."""
    primary = error.diag.message_primary or " ".join(str(error).split())
    message = f"{name}: {primary}"
    match error:
        case errors.LockNotAvailable() | errors.DeadlockDetected():
            held = name_holder(connection, error, TransientError(primary), waited=_LOCK_TIMEOUT)
            return TransientError(f"{name}: {held}; the table is in use, run migrate again")
        case psycopg.OperationalError():
            return TransientError(f"{message}; run migrate again")
        case errors.DuplicateTable() if name.startswith(_REFERENCE):
            hint = "the application's tables already exist: remove --reference-schema"
        case errors.InsufficientPrivilege():
            hint = "run migrate as the owner of the application's tables"
        case _:
            hint = error.diag.message_hint or ""
    return ConfigurationError(f"{message}; {hint}" if hint else message)


def _report_warning(notice: errors.Diagnostic, report: Callable[[str], None]) -> None:
    if notice.severity_nonlocalized == "WARNING":
        report(f"warning: {notice.message_primary}")
