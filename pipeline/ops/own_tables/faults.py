"""Compares tables of an application with what we need of them: a connection in, faults out."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from psycopg import Connection
from psycopg.rows import class_row

from pipeline.clients.postgres.sql import load
from pipeline.clients.postgres.tables import DOCUMENT, TableFault
from pipeline.domain.errors import ConfigurationError
from pipeline.ops.own_tables.given import GivenTable
from pipeline.ops.own_tables.needed import OWN_TABLES, OwnColumn

_LOOK: Final = load(__package__, "look")
_KINDS: Final = {
    "p": "a partitioned table",
    "v": "a view",
    "m": "a materialized view",
    "f": "a foreign table",
}
_TYPES: Final = {
    "timestamp with time zone": "timestamptz",
    "boolean": "bool",
    "double precision": "float8",
    "text[]": "_text",
    "uuid[]": "_uuid",
}
# What we write there and read from there fits in a larger one, too.
_INTEGERS: Final = {
    "smallint": ("int2", "int4", "int8"),
    "integer": ("int4", "int8"),
    "bigint": ("int8",),
}
# migrate adds it.
_SEQUENCE: Final = "sequence"


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnTableFound:
    """A row of look.sql."""

    quoted: str
    kind: str | None
    fills_rows: bool
    columns: Mapping[str, Mapping[str, Any]]
    keys: Sequence[Sequence[str]]


def find_own_faults(connection: Connection[Any], given: Sequence[GivenTable]) -> list[TableFault]:
    """Return every fault of these tables, in their order.

    Args:
        connection: in autocommit.
        given: the tables.
    """
    parameters = {
        "schemas": [each.schema for each in given],
        "tables": [each.table for each in given],
    }
    with connection.cursor(row_factory=class_row(OwnTableFound)) as cursor:
        rows = cursor.execute(_LOOK, parameters).fetchall()
    return [
        fault for each, found in zip(given, rows, strict=True) for fault in _faults(each, found)
    ]


def check_own_tables(connection: Connection[Any], given: Sequence[GivenTable]) -> None:
    """Check that these tables can take the place of ours.

    Raises:
        ConfigurationError: they cannot. The text has a line for each fault, with its fix.
    """
    faults = find_own_faults(connection, given)
    if not faults:
        return
    lines = "".join(
        f"\n  {fault.seen}" + (f"; fix: {fault.fix};" if fault.fix else "") for fault in faults
    )
    raise ConfigurationError(
        f"tables for reactions are missing or wrong in database {connection.info.dbname}, and"
        f" nothing was changed:{lines}\nthe whole list: {DOCUMENT}"
    )


def _faults(given: GivenTable, found: OwnTableFound) -> Iterator[TableFault]:
    if found.kind is None:
        yield TableFault(f"{given.own} is missing")
        return
    if found.kind != "r":
        yield TableFault(f"{given.own} is {_KINDS[found.kind]}: expected a table")
        return
    needed = OWN_TABLES[given.name]
    for column in needed.columns:
        yield from _of_column(given, column, found)
    for key in needed.keys:
        if sorted(key) not in [list(each) for each in found.keys]:
            names = ", ".join(key)
            yield TableFault(
                f"{given.own} has no unique key ({names})",
                f"ALTER TABLE {found.quoted} ADD UNIQUE ({names})",
            )
    if needed.inserted and not found.fills_rows:
        for name, there in sorted(found.columns.items()):
            if name not in needed.inserted and there["not_null"] and not there["has_default"]:
                yield TableFault(
                    f"{given.own}.{name} is NOT NULL without a default, but reactions write rows"
                    " without it",
                    f"ALTER TABLE {found.quoted} ALTER COLUMN {there['quoted']} DROP NOT NULL",
                )


def _of_column(given: GivenTable, column: OwnColumn, found: OwnTableFound) -> Iterator[TableFault]:
    there = found.columns.get(column.name)
    if there is None:
        if (given.name, column.name) != ("events", _SEQUENCE):
            yield TableFault(
                f"{given.own}.{column.name} is missing",
                f"ALTER TABLE {found.quoted} ADD COLUMN {column.definition}",
            )
    elif not _accepts(column.type, there["type"], there["category"]):
        yield TableFault(
            f"{given.own}.{column.name} is {there['declared']}: expected {column.type}"
        )


def _accepts(needed: str, name: str, category: str) -> bool:
    if needed in _INTEGERS:
        return name in _INTEGERS[needed]
    if needed == "text" or needed.startswith("character varying"):
        return category == "S"
    return name == _TYPES.get(needed, needed)
