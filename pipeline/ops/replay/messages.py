"""The messages that replay events: wake-ups with a mark that makes them differ from the first."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from uuid import UUID

from pipeline.domain.identifiers import EventId
from pipeline.domain.message import Message, message_for


@dataclass(frozen=True, slots=True)
class Marks:
    """The marks that make the messages of a replay differ from the first ones.

    Attributes:
        replay: the replay's id.
        at: the time of the replay. Dataflow treats each message as a new one, of this time.
    """

    replay: str
    at: datetime = field(default_factory=partial(datetime.now, UTC))


def replay_messages(ids: Iterable[EventId | UUID], marks: Marks) -> Iterator[Message]:
    """Return a wake-up for each of these events. The stream reads the event from its row."""
    return (message_for(event_id, marks.at, replay=marks.replay) for event_id in ids)
