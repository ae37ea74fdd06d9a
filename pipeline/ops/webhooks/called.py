"""Runs the statements of operators on webhook endpoints."""

from collections.abc import Mapping
from typing import Any, Final

from psycopg import Connection
from psycopg.errors import (
    InsufficientPrivilege,
    InvalidSchemaName,
    UndefinedFunction,
    UndefinedTable,
)
from psycopg.rows import namedtuple_row

from pipeline.clients.postgres.check import check_first
from pipeline.clients.postgres.retry import with_connection
from pipeline.domain.errors import ConfigurationError, NotFound
from pipeline.settings import DatabaseSettings

_QUOTED: Final = 80


def no_endpoint(name: str) -> NotFound:
    """Return the error for a name that no endpoint has."""
    return NotFound(
        f"no endpoint {name[:_QUOTED]!r}: python -m pipeline webhooks list shows their names"
    )


def run(settings: DatabaseSettings, statement: bytes, parameters: Mapping[str, Any]) -> list[Any]:
    """Execute a statement; return its rows as named tuples.

    Raises:
        ConfigurationError: the database has no webhooks, or the login is not an operator's.
        TransientError: the database does not answer.
    """

    def work(connection: Connection[Any]) -> list[Any]:
        try:
            with connection.cursor(row_factory=namedtuple_row) as cursor:
                return cursor.execute(statement, parameters).fetchall()
        except (InvalidSchemaName, UndefinedFunction, UndefinedTable):
            raise ConfigurationError(
                "the database lacks what webhooks need: run python -m pipeline migrate"
                " --family push"
            ) from None
        except InsufficientPrivilege:
            raise ConfigurationError(
                "this user may not work on webhooks: connect as a member of fanout_operator"
            ) from None

    check_first(settings)
    return with_connection(settings, work)
