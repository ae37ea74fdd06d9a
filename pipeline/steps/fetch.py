"""Fetch a batch: wake-ups in; their rows out."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
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
# An event with a larger payload is read later, together with only a few others.
SMALL_BYTES: Final = 64 * 1024
PORTION_BYTES: Final = 16 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Batch:
    """The result of fetching a batch of wake-ups.

    Attributes:
        fetched: the rows, and a dead letter for each event that permanently has no row.
        unseen: the wake-ups without a row that may become visible.
        large: the events with large payloads, each with the number of bytes. They are not read
            yet: all of them at once would need too much memory.
        times: the times of all rows, in microseconds since 1970; None if not finite.
    """

    fetched: Fetched
    unseen: Sequence[WakeUp] = ()
    large: Sequence[tuple[EventId, int]] = ()
    times: Mapping[EventId, int | None] = field(default_factory=dict, compare=False)


def fetch_batch(
    settings: DatabaseSettings, wake_ups: Sequence[WakeUp], used: str, origin: Origin | None = None
) -> Batch:
    """Read the rows of a batch, except events that the ledger holds as completed.

    Args:
        settings: the database.
        wake_ups: wake-ups in any order. Several wake-ups of one event count as one.
        used: the payload keys that handlers use, from ``used_keys``.
        origin: compares the messages with their rows.

    Raises:
        TransientError: the rows could not be read.
        ConfigurationError: the rows cannot be read until a person fixes it.
    """
    wanted = {each.event_id: each for each in wake_ups if each.event_id is not None}
    letters = [
        DeadLetter.of_message(each.message, STAGE, _names_no_event(each.message))
        for each in wake_ups
        if each.event_id is None and each.message is not None
    ]
    gone = gone_from(settings)
    rows: list[Row] = []
    unseen: list[WakeUp] = []
    large: list[tuple[EventId, int]] = []
    times: dict[EventId, int | None] = {}
    missing: list[Message] = []
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
                # A wake-up from the ledger has no message: it needs no dead letter.
                if wake_up.message is not None:
                    missing.append(wake_up.message)
            else:
                unseen.append(wake_up)
    letters += [DeadLetter.of_message(each, STAGE, _unknown()) for each in missing]
    if origin is not None:
        messages = ((wanted[event_id].message, moment) for event_id, moment in times.items())
        origin.compare([(each, moment) for each, moment in messages if each is not None], missing)
    return Batch(Fetched(rows, letters), unseen, large, times)


def fetch_large(
    settings: DatabaseSettings, large: Sequence[tuple[EventId, int]], used: str
) -> Iterator[Fetched]:
    """Read large events, a few at a time, to limit memory."""
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


def _names_no_event(message: Message) -> MissingAttribute:
    state = "is not a positive integer" if ID_ATTRIBUTE in message.attributes else "is missing"
    return MissingAttribute(f"the attribute {ID_ATTRIBUTE!r} {state}")
