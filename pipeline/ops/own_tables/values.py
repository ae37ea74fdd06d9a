"""Tries what a column of an application takes: constants of ours in, the refused ones out.

A value is cast to the type of the column, and given to its constraints. They are expressions of the
application, so they are evaluated where nothing can be written.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from psycopg import Connection, sql
from psycopg.errors import DataError, IntegrityError, InternalError, ProgrammingError


@dataclass(frozen=True, slots=True, kw_only=True)
class TheirColumn:
    """A column of an application's table.

    Attributes:
        name: its name.
        declared: its type, as ``format_type`` writes it.
        default: the expression of its default.
        checks: the expressions of the constraints that look at it alone, by their names.
    """

    name: str
    declared: str
    default: str | None
    checks: Mapping[str, str]


def find_refused(
    connection: Connection[Any], column: TheirColumn, values: Sequence[str]
) -> dict[str | None, list[str]]:
    """Return the values that the column does not take, by the name of the constraint.

    None: its type does not take them.
    """
    refused: dict[str | None, list[str]] = {}
    for value in values:
        for why in _refusals(connection, column, value):
            refused.setdefault(why, []).append(value)
    return refused


def find_default(connection: Connection[Any], column: TheirColumn) -> str | None:
    """Return the default of the column as a text; None without one, or if it cannot be told."""
    if column.default is None:
        return None
    try:
        row = _ask(connection, sql.SQL("SELECT ({})::text").format(sql.SQL(column.default)))
    except (DataError, IntegrityError):
        return None
    return None if row is None else row[0]


def _refusals(connection: Connection[Any], column: TheirColumn, value: str) -> Iterator[str | None]:
    name, literal = sql.Identifier(column.name), sql.Literal(value)
    # A cast cuts what is too long, and an insert refuses it.
    asked = [
        sql.SQL("given.{}::text = {}").format(name, literal),
        *(
            sql.SQL("coalesce(({})::boolean, true)").format(sql.SQL(expression))
            for expression in column.checks.values()
        ),
    ]
    given = sql.SQL("SELECT CAST({}::text AS {}) AS {}").format(
        literal, sql.SQL(column.declared), name
    )
    statement = sql.SQL("SELECT {} FROM ({}) AS given").format(sql.SQL(", ").join(asked), given)
    try:
        row = _ask(connection, statement)
    except (DataError, IntegrityError):
        # An enum without it, or a domain.
        row = (False,)
    if row is not None:
        names = (None, *column.checks)
        yield from (name for name, is_taken in zip(names, row, strict=False) if not is_taken)


def _ask(connection: Connection[Any], statement: sql.Composed) -> tuple[Any, ...] | None:
    """Return the answer; None if the expression cannot be evaluated here, as without the rights.

    Nothing is written. Also inside of a transaction, which then goes on as before.
    """
    try:
        with connection.transaction(force_rollback=True):
            connection.execute("SET LOCAL transaction_read_only = on")
            row = connection.execute(statement).fetchone()
    except (ProgrammingError, InternalError):
        return None
    return None if row is None else tuple(row)
