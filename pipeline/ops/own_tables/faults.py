"""Compares tables of an application with what we need of them: a connection in, faults out."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from psycopg import Connection, sql
from psycopg.rows import class_row

from pipeline.clients.postgres.sql import load
from pipeline.clients.postgres.tables import DOCUMENT, TableFault
from pipeline.domain.errors import ConfigurationError
from pipeline.ops.own_tables.given import GivenTable
from pipeline.ops.own_tables.needed import OWN_TABLES, WORDS, OwnColumn
from pipeline.ops.own_tables.values import TheirColumn, find_default, find_refused

_LOOK: Final = load(__package__, "look")
# What it is, and what to do.
_KINDS: Final = {
    "p": "a partitioned table: expected an ordinary one, where an id is unique among all rows, and"
    " an index can be built while others write",
    "v": "a view: expected the table behind it, which is captured and gets indexes",
    "m": "a materialized view: expected a table, into which rows can be written",
    "f": "a foreign table: expected one of this database, where an id is unique",
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
_TEXT: Final = "S"
_ENUM: Final = "E"
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
    checks: Sequence[Mapping[str, str]]


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
        fault
        for each, found in zip(given, rows, strict=True)
        for fault in (*_faults(each, found), *_faults_of_values(connection, each, found))
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
        yield TableFault(f"{given.own} is {_KINDS[found.kind]}")
        return
    needed = OWN_TABLES[given.name]
    for column in needed.columns:
        yield from _of_column(given, column, found)
    if (there := found.columns.get("id")) is not None and not there["not_null"]:
        yield TableFault(
            f"{given.own}.id may be NULL",
            f"ALTER TABLE {found.quoted} ALTER COLUMN id SET NOT NULL",
        )
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
    elif not _accepts(column, there):
        or_words = " or a word" if column.may_be_words else ""
        yield TableFault(
            f"{given.own}.{column.name} is {there['declared']}: expected {column.type}{or_words}"
        )


def _faults_of_values(
    connection: Connection[Any], given: GivenTable, found: OwnTableFound
) -> Iterator[TableFault]:
    if found.kind != "r":
        return
    for column in OWN_TABLES[given.name].columns:
        there = found.columns.get(column.name)
        if there is None or not column.values or not _accepts(column, there):
            continue
        theirs = TheirColumn(
            name=column.name,
            declared=there["declared"],
            default=there["default"],
            checks={
                each["name"]: each["expression"]
                for each in found.checks
                if each["column"] == column.name
            },
        )
        is_number = there["type"] in _INTEGERS["smallint"]
        values = WORDS if column.may_be_words and not is_number else column.values
        for constraint, refused in find_refused(connection, theirs, values).items():
            names = ", ".join(f"'{value}'" for value in refused)
            which = "" if constraint is None else f": see the constraint {constraint}"
            yield TableFault(
                f"{given.own}.{column.name} does not take {names}, which reactions write{which}",
                _let_in(found, there, constraint and theirs.checks[constraint], constraint, names),
            )
        if column.begins is None or found.fills_rows:
            continue
        begins = find_default(connection, theirs)
        if begins != column.begins:
            has = "no default" if begins is None else f"the default '{begins}'"
            yield TableFault(
                f"{given.own}.{column.name} has {has}: expected '{column.begins}', with which"
                " reactions begin",
                f"ALTER TABLE {found.quoted} ALTER COLUMN {there['quoted']}"
                f" SET DEFAULT '{column.begins}'",
            )


def _let_in(
    found: OwnTableFound,
    there: Mapping[str, Any],
    expression: str | None,
    constraint: str | None,
    names: str,
) -> str | None:
    """Return the statement that lets a column take more values; None if that is for a person."""
    if constraint is not None:
        # Rows that are there were let in by less, and need no look.
        quoted = sql.Identifier(constraint).as_string()
        return (
            f"ALTER TABLE {found.quoted} DROP CONSTRAINT {quoted}, ADD CONSTRAINT {quoted}"
            f" CHECK ({expression} OR {there['quoted']} IN ({names})) NOT VALID"
        )
    if there["category"] == _ENUM:
        return "; ".join(
            f"ALTER TYPE {there['base']} ADD VALUE {each}" for each in names.split(", ")
        )
    return None


def _accepts(column: OwnColumn, there: Mapping[str, Any]) -> bool:
    needed, name, category = column.type, there["type"], there["category"]
    if column.may_be_words and category in (_TEXT, _ENUM):
        return True
    if column.may_be_text and (category == _TEXT or name == "json"):
        return True
    if needed in _INTEGERS:
        return name in _INTEGERS[needed]
    if needed == "text" or needed.startswith("character varying"):
        return bool(category == _TEXT)
    return bool(name == _TYPES.get(needed, needed))
