"""Compares the application's tables with the list of what we need: a connection in, faults out."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from psycopg import Connection
from psycopg.rows import class_row

from pipeline.clients.postgres.application import (
    SCHEMA,
    Column,
    ObjectKind,
    Table,
    Type,
)
from pipeline.clients.postgres.application_jobs import needed
from pipeline.clients.postgres.sql import load
from pipeline.domain.errors import ConfigurationError

DOCUMENT: Final = "docs/your-tables.md"
NO_APPLICATION: Final = (
    "check DATABASE_URL, or create sample tables: python -m pipeline migrate --reference-schema"
)

_LOOK: Final = load("pipeline.clients.postgres", "application_tables")
_HAS_APPLICATION: Final = load("pipeline.clients.postgres", "has_application")
# Tables of the kernel's migrations: they are not a sign of an application.
_OURS: Final = ("event_dead_letters", "fanout_heartbeat", "fanout_migrations", "fanout_replays")
_TABLE_KINDS: Final = ("r", "p")
_KIND_NAMES: Final = {
    "v": "a view",
    "m": "a materialized view",
    "f": "a foreign table",
}
_AS_TIMES: Final = " USING {} AT TIME ZONE 'UTC'"


@dataclass(frozen=True, slots=True)
class TableFault:
    """One fault of a table.

    Attributes:
        seen: what is wrong, in one line.
        fix: a statement that fixes it; None if there is none.
    """

    seen: str
    fix: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A row of application_tables.sql."""

    name: str
    kind: str | None
    is_lockable: bool
    fills_rows: bool
    columns: Mapping[str, Mapping[str, Any]]
    keys: Sequence[str]
    elsewhere: Sequence[str]


def find_faults(connection: Connection[Any], *, with_jobs: bool = False) -> list[TableFault]:
    """Return every fault of the application's tables, in the order of the list.

    Args:
        connection: in autocommit.
        with_jobs: also look at what the scheduled jobs need.
    """
    tables = needed(with_jobs=with_jobs)
    found = {each.name: each for each in look(connection, [table.name for table in tables])}
    faults = [fault for table in tables for fault in _faults(table, found[table.name])]
    # A table that both lists need may be missing.
    return list(dict.fromkeys(faults))


def look(connection: Connection[Any], tables: Sequence[str]) -> list[Found]:
    """Read the tables and views that have these names."""
    asked = {"schema": SCHEMA, "tables": list(dict.fromkeys(tables))}
    with connection.cursor(row_factory=class_row(Found)) as cursor:
        return cursor.execute(_LOOK, asked).fetchall()


def has_application(connection: Connection[Any]) -> bool:
    """Whether the database has tables of an application, with any names."""
    found = connection.execute(_HAS_APPLICATION, {"ours": list(_OURS)}).fetchone()
    return found == (True,)


def check_tables(connection: Connection[Any], *, with_jobs: bool = False) -> None:
    """Check that the application's tables are as we need them.

    Args:
        connection: in autocommit.
        with_jobs: also check what the scheduled jobs need.

    Raises:
        ConfigurationError: they are not. The text has a line for each fault.
    """
    faults = find_faults(connection, with_jobs=with_jobs)
    if not faults:
        return
    if not has_application(connection):
        raise ConfigurationError(
            f"database {connection.info.dbname} has no tables of an application: {NO_APPLICATION}"
        )
    raise ConfigurationError(describe(connection.info.dbname, faults))


def describe(database: str, faults: Sequence[TableFault]) -> str:
    """Return all faults, one per line, and where to find the fixes."""
    lines = "".join(f"\n  {fault.seen}" for fault in faults)
    return (
        f"tables of the application are missing or wrong in schema {SCHEMA} of database"
        f" {database}:{lines}\nhow to fix each: python -m pipeline doctor; the whole list:"
        f" {DOCUMENT}"
    )


def _faults(table: Table, found: Found) -> Iterator[TableFault]:
    name = f"{SCHEMA}.{table.name}"
    if found.kind is None:
        if table.is_optional and not found.elsewhere:
            return
        yield _missing(table, found.elsewhere)
        return
    is_table = found.kind in _TABLE_KINDS
    kind = _KIND_NAMES.get(found.kind, "")
    if table.kind is ObjectKind.TABLE and not is_table:
        yield TableFault(f"{name} is {kind}: expected a table")
        return
    if table.kind is ObjectKind.LOCKABLE and not found.is_lockable:
        yield TableFault(
            f"{name} is {kind} whose rows cannot be locked: expected a view of one table"
        )
    for column in table.columns:
        yield from _of_column(name, column, found, is_table=is_table)
    if table.is_written and not found.fills_rows:
        yield from _of_other_columns(name, table, found)


def _missing(table: Table, elsewhere: Sequence[str]) -> TableFault:
    name = f"{SCHEMA}.{table.name}"
    if not elsewhere:
        return TableFault(f"{name} is missing")
    there = elsewhere[0]
    fix = f"CREATE VIEW {name} AS TABLE {there}"
    if table.kind is ObjectKind.TABLE:
        fix = f"ALTER TABLE {there} SET SCHEMA {SCHEMA}"
    return TableFault(f"{name} is missing; there is {', '.join(elsewhere)}", fix)


def _of_column(name: str, column: Column, found: Found, *, is_table: bool) -> Iterator[TableFault]:
    of = f"{name}.{column.name}"
    alter = f"ALTER TABLE {name} ALTER COLUMN {column.name}"
    there = found.columns.get(column.name)
    if there is None:
        if not column.is_ours:
            needed = "text" if column.type is Type.WORD else column.type.partition(" or ")[0]
            add = f"ALTER TABLE {name} ADD COLUMN {column.name} {needed}"
            yield TableFault(f"{of} {needed} is missing", add if is_table else None)
        return
    if not column.type.accepts(there["type"], there["category"]):
        yield TableFault(*_wrong_type(of, column, there, alter if is_table else None))
        return
    lacking = [word for word in column.words if word not in there["words"]]
    if there["category"] == "E" and lacking:
        words = ", ".join(f"'{word}'" for word in lacking)
        yield TableFault(
            f"{of} is the enum {there['declared']}, which lacks {words}",
            "; ".join(f"ALTER TYPE {there['declared']} ADD VALUE '{word}'" for word in lacking),
        )
    if column.is_key and column.name not in found.keys:
        yield TableFault(
            f"{of} is not unique by itself: expected a primary key or a unique constraint",
            f"ALTER TABLE {name} ADD UNIQUE ({column.name})",
        )
    if column.may_be_null and there["not_null"] and not found.fills_rows:
        yield TableFault(
            f"{of} is NOT NULL, but the pipeline writes rows without it", f"{alter} DROP NOT NULL"
        )
    if column.needs_default and not there["has_default"] and not found.fills_rows:
        default = "now()" if column.type is Type.TIME else "'pending'"
        yield TableFault(
            f"{of} has no default, but the pipeline writes rows without it",
            f"{alter} SET DEFAULT {default}",
        )


def _wrong_type(
    of: str, column: Column, there: Mapping[str, Any], alter: str | None
) -> tuple[str, str | None]:
    """Return what is wrong, and a statement that changes the type if Postgres can convert it."""
    an_enum = "the enum " if there["category"] == "E" else ""
    seen = f"{of} is {an_enum}{_declared(there)}: expected {column.type}"
    if there["is_named"]:
        seen += " (a view, a publication, a policy or a trigger names it)"
    if alter is None or there["is_named"]:
        return seen, None
    if column.type in (Type.TEXT, Type.WORD):
        return seen, f"{alter} TYPE text"
    if column.type is Type.TIME and there["type"] == "timestamp":
        return seen, f"{alter} TYPE timestamptz{_AS_TIMES.format(column.name)}"
    if column.type is Type.JSON and there["type"] == "json":
        return seen, f"{alter} TYPE jsonb"
    return seen, None


def _of_other_columns(name: str, table: Table, found: Found) -> Iterator[TableFault]:
    """Yield other columns that reject our rows: NOT NULL without a default."""
    # Columns that may be NULL or need a default are already checked.
    known = {
        column.name
        for column in table.columns
        if column.is_written or column.may_be_null or column.needs_default
    }
    for column, there in sorted(found.columns.items()):
        if column not in known and there["not_null"] and not there["has_default"]:
            yield TableFault(
                f"{name}.{column} {_declared(there)} is NOT NULL without a default, but the"
                " pipeline writes rows without it",
                # A key cannot be NULL.
                None
                if column in found.keys
                else f"ALTER TABLE {name} ALTER COLUMN {column} DROP NOT NULL",
            )


def _declared(there: Mapping[str, Any]) -> str:
    """Return the type of a column as people write it."""
    declared: str = there["declared"]
    return declared.replace("timestamp with time zone", "timestamptz")
