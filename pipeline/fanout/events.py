"""An event: the columns of its row in ``domain_events`` and its validated payload."""

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
        ignore_age: a replay asked to process the event at any age.
        paused_at: the time since which the event waits because its type was paused. Its age stops
            there.
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
    """One row of ``domain_events`` whose type has no handler. It is recorded, not an error."""

    id: EventId
    type: EventType
