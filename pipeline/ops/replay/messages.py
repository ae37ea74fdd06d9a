"""From the ids of events to the messages that replay them."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from typing import Any, Final

from psycopg import Connection

from pipeline.domain.decide import IGNORE_AGE_ATTRIBUTE
from pipeline.domain.identifiers import EventId, EventType
from pipeline.domain.message import (
    DEDUP_ATTRIBUTE,
    REPLAY_ATTRIBUTE,
    TIME_ATTRIBUTE,
    Message,
)
from pipeline.domain.wire import COLUMNS, encode, rfc3339
from pipeline.postgres.retry import with_connection
from pipeline.postgres.sql import load
from pipeline.settings import DatabaseSettings
from pipeline.sinks.dead_letters import MAX_ATTRIBUTES, RESERVED_PREFIX

PAGE_SIZE: Final = 500

_MESSAGES: Final = load("pipeline.ops.replay", "messages")


@dataclass(frozen=True, slots=True)
class Marks:
    """What distinguishes the messages of a replay from those they repeat.

    Attributes:
        replay: the replay's id.
        ignore_age: whether the events shall be completed however old they are.
        at: when they are replayed.
    """

    replay: str
    ignore_age: bool = False
    at: datetime = field(default_factory=partial(datetime.now, UTC))

    def on(self, message: Message) -> Message:
        """The message with these marks, and none of an earlier replay."""
        # Dataflow takes a replayed message for a new one, of this time.
        ours = {REPLAY_ATTRIBUTE: self.replay, TIME_ATTRIBUTE: rfc3339(self.at)}
        if self.ignore_age:
            ours[IGNORE_AGE_ATTRIBUTE] = "1"
        theirs = [
            (name, value)
            for name, value in message.attributes.items()
            if name not in (REPLAY_ATTRIBUTE, IGNORE_AGE_ATTRIBUTE, DEDUP_ATTRIBUTE, TIME_ATTRIBUTE)
            # Pub/Sub adds such attributes itself, and refuses them from others.
            and not name.startswith(RESERVED_PREFIX)
        ]
        kept = dict(theirs[: MAX_ATTRIBUTES - len(ours) - 1])
        marked = Message(message.data, kept | ours)
        return Message(message.data, {**marked.attributes, DEDUP_ATTRIBUTE: marked.dedup_key})


@dataclass(frozen=True, slots=True)
class Replayed:
    """One event's message; without a row in ``domain_events`` nothing can be written for it."""

    event_id: EventId
    message: Message
    has_row: bool


def read_messages(
    database: DatabaseSettings, ids: Sequence[EventId], marks: Marks
) -> Iterator[list[Replayed]]:
    """The messages of these events, page by page.

    An event is encoded as change data capture would encode its row now; one without a row is sent
    as its open dead letter kept it. Events that have vanished are left out.
    """
    for start in range(0, len(ids), PAGE_SIZE):
        rows = _read(database, ids[start : start + PAGE_SIZE])
        yield [_replayed(row, marks) for row in rows]


def _read(database: DatabaseSettings, ids: Iterable[EventId]) -> list[tuple[Any, ...]]:
    parameters = {"ids": list(ids)}

    def read(connection: Connection[Any]) -> list[tuple[Any, ...]]:
        return connection.execute(_MESSAGES, parameters).fetchall()

    return with_connection(database, read)


def _replayed(row: tuple[Any, ...], marks: Marks) -> Replayed:
    event_id, has_row, data, attributes, event_type, *columns = row
    if has_row:
        named = dict(zip(COLUMNS, columns, strict=True))
        message = encode(EventId(event_id), EventType(event_type), named)
    else:
        message = _as_kept(data, attributes)
    return Replayed(EventId(event_id), marks.on(message), has_row)


def _as_kept(data: bytes | None, attributes: Mapping[str, str] | None) -> Message:
    return Message(data or b"", attributes or {})
