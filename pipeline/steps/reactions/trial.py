"""Claims the events with which types are tried whose breaker has cooled off."""

from dataclasses import replace
from datetime import timedelta
from typing import Any, Final

from psycopg import Connection, sql

from pipeline.clients.postgres.lease import claim
from pipeline.clients.postgres.retry import with_connection
from pipeline.clients.postgres.sql import load
from pipeline.domain.lease import Lease
from pipeline.settings import DatabaseSettings
from pipeline.steps.reactions.table import HELD_BY_ITS_KEY, REACTIONS_ON_TRIAL

# In the values of a lease.
TRIAL: Final = "trial"

TAKE_TRIALS: Final = sql.SQL(load(__package__, "take_trials").decode()).format(
    held_by_its_key=HELD_BY_ITS_KEY
)


def claim_trials(settings: DatabaseSettings, lease: timedelta) -> list[Lease]:
    """Lease one event of each type whose breaker has cooled off. Of several workers one gets it.

    The values of its lease say that it is a trial.

    Args:
        settings: the database.
        lease: for how long. After it another worker may take a trial.

    Raises:
        TransientError: the database did not answer.
        ConfigurationError: the ledger cannot be used.
    """

    def take(connection: Connection[Any]) -> list[Lease]:
        with connection.transaction():
            released = connection.execute(
                TAKE_TRIALS, {"seconds": lease.total_seconds()}
            ).fetchall()
            return [
                replace(taken, values={**taken.values, TRIAL: True})
                for (event_id,) in released
                for taken in claim(
                    connection, REACTIONS_ON_TRIAL, lease, only={"event_id": event_id}
                )
            ]

    return with_connection(settings, take)
