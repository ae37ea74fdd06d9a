"""A message as Pub/Sub delivers it, before anything is known about it."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

ID_ATTRIBUTE: Final = "id"
TYPE_ATTRIBUTE: Final = "event_type"
REPLAY_ATTRIBUTE: Final = "replay"
# Dataflow's source reads these two: it drops a message with the first of another one, and takes the
# second, in RFC 3339, for the time of the event.
DEDUP_ATTRIBUTE: Final = "dedup_id"
TIME_ATTRIBUTE: Final = "created_at"


@dataclass(frozen=True, slots=True)
class Message:
    """The bytes and attributes of one message, kept unchanged on the way to a dead letter."""

    data: bytes = field(repr=False)
    attributes: Mapping[str, str]

    @property
    def digest(self) -> str:
        """SHA-256 of data and attributes, in hexadecimal."""
        content = hashlib.sha256(self.data)
        for name, value in sorted(self.attributes.items()):
            content.update(f"\0{name}\0{value}".encode())
        return content.hexdigest()

    @property
    def dedup_key(self) -> str:
        """What the message shares with those that repeat it, and not with those that replay it."""
        event_id = self.attributes.get(ID_ATTRIBUTE)
        if event_id is None:
            return self.digest
        replay = self.attributes.get(REPLAY_ATTRIBUTE)
        return event_id if replay is None else f"{event_id}:{replay}"
