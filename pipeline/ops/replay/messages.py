"""The messages that replay events: wake-ups, which differ from those they repeat by a mark."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial

from pipeline.domain.identifiers import EventId
from pipeline.domain.message import Message, message_for


@dataclass(frozen=True, slots=True)
class Marks:
    """What distinguishes the messages of a replay from those they repeat.

    Attributes:
        replay: the replay's id.
        at: when the events are replayed: Dataflow takes each message for a new one, of this time.
    """

    replay: str
    at: datetime = field(default_factory=partial(datetime.now, UTC))


def replay_messages(ids: Iterable[EventId], marks: Marks) -> Iterator[Message]:
    """A wake-up for each of these events: what it leads to is read from its row."""
    return (message_for(event_id, marks.at, replay=marks.replay) for event_id in ids)
