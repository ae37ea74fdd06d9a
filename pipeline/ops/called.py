"""Runs the statements of operators on the tables of a family that a database may lack."""

from collections.abc import Mapping
from typing import Any

from psycopg import Connection
from psycopg.errors import (
    InsufficientPrivilege,
    InvalidSchemaName,
    UndefinedFunction,
    UndefinedTable,
)
from psycopg.rows import namedtuple_row

from pipeline.clients.postgres.retry import with_connection
from pipeline.domain.errors import ConfigurationError
from pipeline.ops.families import Family
from pipeline.settings import DatabaseSettings


def call(
    settings: DatabaseSettings,
    statement: bytes,
    parameters: Mapping[str, Any],
    *,
    of: str,
    family: Family,
) -> list[Any]:
    """Execute a statement; return its rows as named tuples.

    Args:
        settings: the database, with the login of an operator.
        statement: the statement.
        parameters: of the statement.
        of: what it works on, for errors, such as ``mail``.
        family: the family that makes it.

    Raises:
        ConfigurationError: the database lacks the family, or the login is not an operator's.
        TransientError: the database does not answer.
    """

    def work(connection: Connection[Any]) -> list[Any]:
        try:
            with connection.cursor(row_factory=namedtuple_row) as cursor:
                return cursor.execute(statement, parameters).fetchall()
        except (InvalidSchemaName, UndefinedFunction, UndefinedTable):
            raise ConfigurationError(
                f"the database lacks the tables of {of}: run python -m pipeline migrate"
                f" --family {family}"
            ) from None
        except InsufficientPrivilege:
            raise ConfigurationError(
                f"this user may not work on {of}: connect as a member of fanout_operator"
            ) from None

    return with_connection(settings, work)
