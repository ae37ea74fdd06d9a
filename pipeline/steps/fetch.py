"""Fetch a batch: wake-ups in; the rows that they are about out."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from psycopg import Connection

from pipeline.clients.postgres.halving import in_halves
from pipeline.clients.postgres.retry import with_connection
from pipeline.clients.postgres.visible import gone_from
from pipeline.domain.dead_letter import DeadLetter
from pipeline.domain.errors import MissingAttribute, PermanentError, UnknownEvent
from pipeline.domain.identifiers import EventId
from pipeline.domain.message import ID_ATTRIBUTE, Message
from pipeline.domain.portions import portions_by_weight
from pipeline.domain.wake_up import WakeUp
from pipeline.facts.rows import FoundRows, read_rows
from pipeline.fanout.batches import Fetched
from pipeline.fanout.row import MAX_PAYLOAD_BYTES, Row
from pipeline.settings import DatabaseSettings
from pipeline.steps.origin import Origin

STAGE: Final = "fetch"
# Whose payload has more is read with a few others only.
SMALL_BYTES: Final = 64 * 1024
PORTION_BYTES: Final = 16 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Batch:
    """What a batch of wake-ups led to.

    Attributes:
        fetched: the rows, with a letter for whatever has none for good.
        unseen: the wake-ups whose rows may only not be visible yet.
        large: the events whose payloads would together take much memory, and their bytes.
    """

    fetched: Fetched
    unseen: Sequence[WakeUp] = ()
    large: Sequence[tuple[EventId, int]] = ()


def fetch_batch(
    settings: DatabaseSettings, wake_ups: Sequence[WakeUp], used: str, origin: Origin | None = None
) -> Batch:
    """Read the rows of a batch; what the ledger holds as completed is left out.

    Args:
        settings: the database.
        wake_ups: in any order; those of one event count as one.
        used: the keys that handlers use, as ``used_keys`` gives them.
        origin: is told of the messages and what there is of their rows.

    Raises:
        TransientError: the rows could not be read.
        ConfigurationError: they cannot be read.
    """
    wanted = {each.event_id: each for each in wake_ups if each.event_id is not None}
    letters = [
        DeadLetter.of_message(each.message, STAGE, _nameless(each.message))
        for each in wake_ups
        if each.event_id is None and each.message is not None
    ]
    gone = gone_from(settings)
    rows: list[Row] = []
    unseen: list[WakeUp] = []
    large: list[tuple[EventId, int]] = []
    times: dict[EventId, int | None] = {}
    buried: list[Message] = []
    for ids, found in _read(settings, list(wanted), used, SMALL_BYTES):
        if isinstance(found, PermanentError):
            letters.append(DeadLetter.of_event(ids[0], None, STAGE, found))
            continue
        rows += found.found
        large += found.large
        times.update(found.times)
        for event_id in found.missing:
            wake_up = wanted[event_id]
            if wake_up.waited or gone.knows(event_id):
                gone.remember([event_id])
                if wake_up.message is not None:
                    # Without a message there is nobody to tell.
                    buried.append(wake_up.message)
            else:
                unseen.append(wake_up)
    letters += [DeadLetter.of_message(each, STAGE, _unknown()) for each in buried]
    if origin is not None:
        messages = ((wanted[event_id].message, moment) for event_id, moment in times.items())
        origin.compare([(each, moment) for each, moment in messages if each is not None], buried)
    return Batch(Fetched(rows, letters), unseen, large)


def fetch_large(
    settings: DatabaseSettings, large: Sequence[tuple[EventId, int]], used: str
) -> Iterator[Fetched]:
    """Read large events, a few at a time, so that they take no more memory than a few do."""
    for portion in portions_by_weight(large, lambda each: each[1], PORTION_BYTES):
        ids = [event_id for event_id, _ in portion]
        rows: list[Row] = []
        letters: list[DeadLetter] = []
        for some, found in _read(settings, ids, used, MAX_PAYLOAD_BYTES):
            if isinstance(found, PermanentError):
                letters.append(DeadLetter.of_event(some[0], None, STAGE, found))
            else:
                rows += found.found
        yield Fetched(rows, letters)


def _read(
    settings: DatabaseSettings, ids: Sequence[EventId], used: str, most_bytes: int
) -> Iterable[tuple[Sequence[EventId], FoundRows | PermanentError]]:
    def read(some: Sequence[EventId]) -> FoundRows:
        def work(connection: Connection[Any]) -> FoundRows:
            return read_rows(connection, some, used, most_bytes)

        return with_connection(settings, work)

    return in_halves(ids, read)


def _unknown() -> UnknownEvent:
    return UnknownEvent("domain_events has no row with this id")


def _nameless(message: Message) -> MissingAttribute:
    state = "is not a positive integer" if ID_ATTRIBUTE in message.attributes else "is missing"
    return MissingAttribute(f"the attribute {ID_ATTRIBUTE!r} {state}")
