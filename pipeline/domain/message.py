"""A message as Pub/Sub delivers it. We trust only the id in it."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Final
from uuid import UUID

from pipeline.domain.identifiers import EventId

ID_ATTRIBUTE: Final = "id"
REPLAY_ATTRIBUTE: Final = "replay"
# Dataflow's source drops a message that repeats a ``dedup_id``. It can use ``created_at``, in
# RFC 3339, as the event time.
DEDUP_ATTRIBUTE: Final = "dedup_id"
TIME_ATTRIBUTE: Final = "created_at"

MAX_EVENT_ID: Final = 2**63 - 1

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Message:
    """The bytes and attributes of one message.

    Attributes:
        data: its bytes.
        attributes: its attributes.
        published_at: when Pub/Sub accepted it; None if it was not received from there.
    """

    data: bytes = field(repr=False)
    attributes: Mapping[str, str]
    published_at: datetime | None = field(default=None, compare=False)

    @property
    def digest(self) -> str:
        """SHA-256 of data and attributes, in hexadecimal."""
        content = hashlib.sha256(self.data)
        for name, value in sorted(self.attributes.items()):
            content.update(f"\0{name}\0{value}".encode())
        return content.hexdigest()

    @property
    def dedup_key(self) -> str:
        """The key for deduplication. A repeated message has the same key; a replay has another."""
        event_id = event_id_of(self)
        if event_id is None:
            return self.digest
        replay = self.attributes.get(REPLAY_ATTRIBUTE)
        return str(event_id) if replay is None else f"{event_id}:{replay}"


def event_id_of(message: Message) -> EventId | None:
    """Return the id in a message, or None if it is missing or no event can have it."""
    text = message.attributes.get(ID_ATTRIBUTE, "")
    if not (text.isascii() and text.isdecimal() and len(text) <= len(str(MAX_EVENT_ID))):
        return None
    number = int(text)
    return EventId(number) if 0 < number <= MAX_EVENT_ID else None


def time_of(message: Message) -> int | None:
    """Return the time in a message, in microseconds since 1970; None if missing or unusable."""
    try:
        claimed = datetime.fromisoformat(message.attributes.get(TIME_ATTRIBUTE, ""))
    except ValueError:
        return None
    return None if claimed.tzinfo is None else microseconds(claimed)


def microseconds(moment: datetime) -> int:
    """Return a time with a zone as microseconds since 1970."""
    return (moment - _EPOCH) // timedelta(microseconds=1)


def message_for(
    event_id: EventId | UUID, created_at: datetime | None = None, *, replay: str | None = None
) -> Message:
    """Make the message that change data capture sends for a row, or the message of a replay.

    Args:
        event_id: the row's primary key; a UUID for a row of reactions.
        created_at: the time of the row, or the time of the replay.
        replay: the id of the replay; None if this is not a replay.
    """
    plain = {ID_ATTRIBUTE: str(event_id)}
    if replay is not None:
        plain[REPLAY_ATTRIBUTE] = replay
    if created_at is not None:
        plain[TIME_ATTRIBUTE] = rfc3339(created_at)
    data = str(event_id).encode()
    return Message(data, {**plain, DEDUP_ATTRIBUTE: Message(data, plain).dedup_key})


def rfc3339(moment: datetime) -> str:
    """Format a time as change data capture does: RFC 3339, with microseconds."""
    return moment.isoformat(timespec="microseconds").replace("+00:00", "Z")
