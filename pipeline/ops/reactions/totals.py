"""Counts what became of all events of reactions, from the ledger and its attempts."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

import psycopg

from pipeline.clients.postgres.errors import classify
from pipeline.clients.postgres.refusal import read_refusal
from pipeline.clients.postgres.session import Session, SessionConnection, working
from pipeline.clients.postgres.sql import load
from pipeline.clients.postgres.watchdog import WATCHDOG
from pipeline.domain.errors import ConfigurationError
from pipeline.ops.reactions.figures import has_reactions
from pipeline.ops.reactions.present import NO_REACTIONS
from pipeline.settings import DatabaseSettings

# A server that needs longer counts as unreachable.
TIMEOUT_SECONDS: Final = 20.0
_SESSION: Final = Session(
    name="fanout-totals",
    statement_timeout=timedelta(seconds=15),
    lock_timeout=timedelta(seconds=1),
    read_only=True,
)

_TOTALS: Final = load(__package__, "totals")


@dataclass(frozen=True, slots=True, kw_only=True)
class ReactionTotals:
    """What became of all events and their tries.

    Attributes:
        succeeded: tries that ended an event as done.
        failed: tries that failed, those that ended an event as dead included.
        dead: events that are dead.
        unrouted: events whose type has no handler.
        last_at: when the last try ended, or the last event was found to be unrouted; None: never.
    """

    succeeded: int
    failed: int
    dead: int
    unrouted: int
    last_at: datetime | None


def read_totals(settings: DatabaseSettings) -> ReactionTotals:
    """Count them. It takes about a quarter of a second per million tries.

    Raises:
        ConfigurationError: the database has no reactions, or refuses this user.
        TransientError: the database does not answer, or the count takes too long.
    """
    try:
        connection = SessionConnection.connect(settings.dsn, session=_SESSION)
    except psycopg.Error as error:
        raise read_refusal(error).error from None
    with connection, WATCHDOG.watch(connection, TIMEOUT_SECONDS):
        try:
            with working(connection):
                if not has_reactions(connection):
                    raise ConfigurationError(NO_REACTIONS)
                succeeded, failed, dead, unrouted, last_at = connection.execute(_TOTALS).fetchall()[
                    0
                ]
        except psycopg.Error as error:
            raise classify(error) from None
    return ReactionTotals(
        succeeded=succeeded, failed=failed, dead=dead, unrouted=unrouted, last_at=last_at
    )
