"""Writes how the tries of events ended, and what follows from them: a batch in one statement."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from psycopg import Connection

from pipeline.clients.postgres.halving import in_halves
from pipeline.clients.postgres.lease import settle
from pipeline.clients.postgres.retry import with_connection
from pipeline.domain.errors import PermanentError
from pipeline.domain.lease import Cause, Settlement, WorkState, end
from pipeline.settings import DatabaseSettings
from pipeline.steps.reactions.table import REACTIONS


def write_reaction_results(settings: DatabaseSettings, settlements: Sequence[Settlement]) -> None:
    """Settle events together with their effects. An event that Postgres rejects is dead.

    A lease that another worker has taken over writes nothing.

    Raises:
        TransientError: not all could be written. What is lost is tried again: with the same ids.
        ConfigurationError: none can be written until a person fixes it.
    """
    for some, result in in_halves(settlements, lambda each: _write(settings, each)):
        if isinstance(result, PermanentError):
            cause = Cause(error_class=type(result).__name__, reason=str(result))
            _write(settings, [_dead(each, cause) for each in some])


def _dead(settlement: Settlement, cause: Cause) -> Settlement:
    route = {"route": settlement.values.get("route")}
    return replace(end(settlement.lease, WorkState.DEAD, cause), values=route)


def _write(settings: DatabaseSettings, settlements: Sequence[Settlement]) -> None:
    def work(connection: Connection[Any]) -> None:
        settle(connection, REACTIONS, settlements)

    with_connection(settings, work)
