"""An event: the columns of its row in ``domain_events`` and its payload, validated."""

from dataclasses import dataclass
from datetime import datetime
from typing import Generic

from pipeline.domain.identifiers import (
    EventId,
    EventType,
    MeetingId,
    ProjectId,
    ResourceId,
    ThreadId,
    UserId,
)
from pipeline.domain.payload import PayloadT


@dataclass(frozen=True, slots=True, kw_only=True)
class Event(Generic[PayloadT]):
    """One row of ``domain_events`` whose type has a handler.

    Attributes:
        ignore_age: a replay asked for it, however old it is.
        paused_at: since when it waits, because its type was paused; it has not aged since.
    """

    id: EventId
    type: EventType
    created_at: datetime
    payload: PayloadT
    actor_id: UserId | None = None
    project_id: ProjectId | None = None
    resource_id: ResourceId | None = None
    thread_id: ThreadId | None = None
    meeting_id: MeetingId | None = None
    ignore_age: bool = False
    paused_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Unrouted:
    """One row of ``domain_events`` whose type no handler knows: recorded, not an error."""

    id: EventId
    type: EventType
