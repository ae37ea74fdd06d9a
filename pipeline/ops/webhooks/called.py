"""Runs the statements of operators on webhook endpoints."""

from collections.abc import Mapping
from typing import Any, Final

from pipeline.clients.postgres.check import check_first
from pipeline.domain.errors import NotFound
from pipeline.ops.called import call
from pipeline.ops.families import Family
from pipeline.settings import DatabaseSettings

_QUOTED: Final = 80


def run(settings: DatabaseSettings, statement: bytes, parameters: Mapping[str, Any]) -> list[Any]:
    """Execute a statement; return its rows as named tuples.

    Raises:
        ConfigurationError: the database has no webhooks, or the login is not an operator's.
        TransientError: the database does not answer.
    """
    check_first(settings)
    return call(settings, statement, parameters, of="webhooks", family=Family.PUSH)


def no_endpoint(name: str) -> NotFound:
    """Return the error for a name that no endpoint has."""
    return NotFound(
        f"no endpoint {name[:_QUOTED]!r}: python -m pipeline webhooks list shows their names"
    )
