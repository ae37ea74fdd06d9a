"""A message as Pub/Sub delivers it, before anything is known about it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

ID_ATTRIBUTE: Final = "id"
TYPE_ATTRIBUTE: Final = "event_type"
REPLAY_ATTRIBUTE: Final = "replay"


@dataclass(frozen=True, slots=True)
class Message:
    """The bytes and attributes of one message, kept unchanged on the way to a dead letter."""

    data: bytes = field(repr=False)
    attributes: Mapping[str, str]
