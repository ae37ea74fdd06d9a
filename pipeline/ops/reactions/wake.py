"""Wakes the graph of reactions: it looks at these events now. Nothing is processed here."""

from collections.abc import Iterable, Iterator
from typing import Final
from uuid import UUID

from pipeline.clients.postgres.retry import with_connection
from pipeline.clients.postgres.sql import load
from pipeline.clients.pubsub.publish import publish
from pipeline.domain.clock import utc_now
from pipeline.domain.defaults import BATCH_SIZE
from pipeline.domain.errors import Conflict, NotFound
from pipeline.domain.message import (
    DEDUP_ATTRIBUTE,
    ID_ATTRIBUTE,
    TIME_ATTRIBUTE,
    Message,
    rfc3339,
)
from pipeline.settings import DatabaseSettings

# Whoever asks over HTTP does not wait longer for Pub/Sub.
PUBLISH_SECONDS: Final = 5.0
# Of the events without a row in the ledger, so many are looked at.
LOOKED_AT: Final = 10_000

_IS_FINISHED: Final = load(__package__, "is_finished")
_WAITING: Final = load(__package__, "waiting_events")


def check_unfinished(settings: DatabaseSettings, event_id: UUID) -> None:
    """Return if there is such an event, and it has not ended.

    Raises:
        NotFound: there is no such event.
        Conflict: it is done or dead, or was processed by another program.
        TransientError: the database does not answer.
    """
    found = with_connection(
        settings, lambda connection: connection.execute(_IS_FINISHED, {"id": event_id}).fetchone()
    )
    if found is None:
        raise NotFound(f"reactions.events has no event {event_id}")
    if found[0]:
        raise Conflict(f"event {event_id} has ended; to process it again, replay it")


def waiting_events(settings: DatabaseSettings) -> list[UUID]:
    """Return the events that could be processed now, the first ones first: at most one batch.

    Raises:
        TransientError: the database does not answer.
    """
    parameters = {"most": BATCH_SIZE, "looked_at": LOOKED_AT}
    rows = with_connection(
        settings, lambda connection: connection.execute(_WAITING, parameters).fetchall()
    )
    return [event_id for (event_id,) in rows]


def reaction_messages(ids: Iterable[UUID], mark: UUID) -> Iterator[Message]:
    """Return a wake-up for each of these events.

    Args:
        ids: of rows of the events.
        mark: makes the messages differ from all earlier ones, so that Dataflow drops none of them.
    """
    now = rfc3339(utc_now())
    for event_id in ids:
        attributes = {
            ID_ATTRIBUTE: str(event_id),
            DEDUP_ATTRIBUTE: f"{event_id}:{mark}",
            TIME_ATTRIBUTE: now,
        }
        yield Message(str(event_id).encode(), attributes)


def wake(topic: str, ids: Iterable[UUID], mark: UUID) -> None:
    """Publish a wake-up for each of these events, and return when Pub/Sub has stored them.

    Raises:
        TransientError: Pub/Sub could not be reached in time. It may have stored some of them.
        ConfigurationError: the topic is missing, or we have no access to it.
    """
    publish(topic, reaction_messages(ids, mark), within=PUBLISH_SECONDS)
