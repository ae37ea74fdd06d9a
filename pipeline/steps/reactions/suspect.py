"""Claims events one by one whose workers ended while they had them, and spares those that live on.

An event can end its worker: it takes all memory, or makes a library crash. Claimed in a batch
again, it would end each worker, and hold up all others for ever.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import timedelta
from typing import Any, Final

import psycopg
from psycopg import Connection, sql

from pipeline.clients.postgres.lease import claim
from pipeline.clients.postgres.pool import take_connection
from pipeline.clients.postgres.retry import with_connection
from pipeline.clients.postgres.session import working
from pipeline.clients.postgres.sql import load
from pipeline.clients.postgres.watchdog import WATCHDOG
from pipeline.domain.errors import FanoutError
from pipeline.domain.lease import Cause, Lease, Settlement, WorkState, end
from pipeline.settings import DatabaseSettings
from pipeline.steps.reactions.table import SUSPECTS

# From so many losses in a row on, an event is claimed alone. The neighbours of the one that ended a
# worker twice are among them: each is tried, and ends, while no other suspect is leased.
SUSPECT_LOSSES: Final = 2
# After so many it is dead.
MOST_LOSSES: Final = 5
WORKER_LOST: Final = "WorkerLost"

# Of several workers one looks.
IS_FIRST: Final = "SELECT pg_try_advisory_xact_lock(hashtextextended('fanout.reactions.losses', 0))"
_SPARE: Final = sql.SQL(load(__package__, "spare_lost").decode())


def is_suspect(lease: Lease) -> bool:
    """Whether the last workers that had this event ended."""
    return int(lease.values["losses"]) >= SUSPECT_LOSSES


def given_up(lease: Lease) -> Settlement | None:
    """Return the end of an event that has ended too many workers. None: it may be tried."""
    losses = int(lease.values["losses"])
    if losses < MOST_LOSSES:
        return None
    reason = f"{losses} workers in a row ended, or hung, while they had it"
    return end(lease, WorkState.DEAD, Cause(error_class=WORKER_LOST, reason=reason))


def claim_suspect(settings: DatabaseSettings, lease: timedelta) -> list[Lease]:
    """Lease at most one suspect, and none while another one is leased.

    Args:
        settings: the database.
        lease: for how long.

    Raises:
        TransientError: the database did not answer.
        ConfigurationError: the ledger cannot be used.
    """

    def take(connection: Connection[Any]) -> list[Lease]:
        with connection.transaction():
            [[is_first]] = connection.execute(IS_FIRST).fetchall()
            return claim(connection, SUSPECTS, lease) if is_first else []

    return with_connection(settings, take)


@contextmanager
def sparing(settings: DatabaseSettings, leases: Sequence[Lease]) -> Iterator[None]:
    """Let an error in the block be no loss of these leases: this worker lives on.

    They end as ever, and are then claimed again.
    """
    try:
        yield
    except BaseException:
        # A step that fails closes the generator of the claim: that is a GeneratorExit. The database
        # may be what failed: this is tried once.
        with suppress(psycopg.Error, FanoutError):
            _spare(settings, leases)
        raise


def _spare(settings: DatabaseSettings, leases: Sequence[Lease]) -> None:
    parameters = {
        "sequences": [each.sequence for each in leases],
        "tokens": [each.token for each in leases],
    }
    with (
        take_connection(settings) as connection,
        WATCHDOG.watch(connection, settings.reply_timeout.total_seconds()),
        working(connection, snapshot=False),
    ):
        connection.execute(_SPARE, parameters)
