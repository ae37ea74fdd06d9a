"""An event of this family: the columns of its row in ``reactions.events``, and its payload."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, Generic
from uuid import UUID

from pipeline.domain.identifiers import EventType
from pipeline.domain.payload import PayloadT
from pipeline.reactions.identifiers import ReactionId

# The longest chain of events that cause each other. More is a circle.
MOST_DEPTH: Final = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class ReactionEvent(Generic[PayloadT]):
    """One row of ``reactions.events`` whose type has a handler.

    Attributes:
        id: the primary key.
        type: a dotted name, such as ``user.verified``.
        created_at: when it was written.
        payload: the validated payload.
        aggregate_type: the kind of thing that it is about.
        aggregate_id: the thing that it is about.
        metadata: of the caller. We read it, and never write it.
        version: of the payload, as the producer said.
        depth: the number of events before it in a chain of follow-ups.
    """

    id: ReactionId
    type: EventType
    created_at: datetime
    payload: PayloadT
    aggregate_type: str | None = None
    aggregate_id: UUID | None = None
    metadata: Mapping[str, Any] = field(default_factory=dict)
    version: int = 1
    depth: int = 0
