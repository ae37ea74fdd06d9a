"""The ids of this family: all of them are UUIDs."""

import hashlib
from typing import NewType
from uuid import UUID

ReactionId = NewType("ReactionId", UUID)
ConversationId = NewType("ConversationId", UUID)
RequestId = NewType("RequestId", UUID)


def id_from(cause: UUID, name: str) -> UUID:
    """Return the id of what follows from an event: always the same for one cause and name.

    It is a UUIDv8: a SHA-256 whose version and variant bits are set as RFC 9562 says.

    Args:
        cause: the id of the event.
        name: of the effect, unique within the event.
    """
    digest = bytearray(hashlib.sha256(cause.bytes + name.encode()).digest()[:16])
    digest[6] = (digest[6] & 0x0F) | 0x80
    digest[8] = (digest[8] & 0x3F) | 0x80
    return UUID(bytes=bytes(digest))
