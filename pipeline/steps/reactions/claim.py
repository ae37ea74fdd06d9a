"""Claims events: makes their ledger rows, and leases those that are due."""

from collections.abc import Sequence
from typing import Any, Final
from uuid import UUID

from psycopg import Connection

from pipeline.clients.postgres.lease import claim, follow_switches
from pipeline.clients.postgres.retry import with_connection
from pipeline.clients.postgres.sql import load
from pipeline.domain.defaults import BATCH_SIZE
from pipeline.domain.lease import Lease
from pipeline.domain.message import ID_ATTRIBUTE
from pipeline.domain.wake_up import WakeUp
from pipeline.steps.reactions.reactor import REACTION_LEASE, Reactor
from pipeline.steps.reactions.table import REACTIONS

# Events whose messages were lost, and the most of them that one claim looks for.
MOST_FOUND: Final = 500

_ADOPT: Final = load(__package__, "adopt_events")


def ids_of(wake_ups: Sequence[WakeUp]) -> list[UUID]:
    """Return the ids of events in messages. A message without a valid one only wakes."""
    texts = {
        each.message.attributes.get(ID_ATTRIBUTE, "")
        for each in wake_ups
        if each.message is not None
    }
    return [found for text in sorted(texts) if (found := _uuid(text)) is not None]


def claim_events(
    reactor: Reactor, ids: Sequence[UUID] = (), *, most: int = BATCH_SIZE
) -> list[Lease]:
    """Make the ledger rows of new events, and lease events that are due, the first ones first.

    Args:
        reactor: how events are processed.
        ids: of events that messages named. Events that no message names are found too.
        most: the maximum number of events.

    Raises:
        TransientError: the database did not answer.
        ConfigurationError: the ledger cannot be used.
    """
    parameters = {"ids": list(ids), "types": sorted(reactor.handlers), "most": MOST_FOUND}

    def take(connection: Connection[Any]) -> list[Lease]:
        connection.execute(_ADOPT, parameters)
        follow_switches(connection, REACTIONS)
        return claim(connection, REACTIONS, REACTION_LEASE, most=most)

    return with_connection(reactor.database, take)


def _uuid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None
