"""Models of ``/v1/events``."""

from typing import Annotated, Any, Final

from fastapi import Query

from pipeline.ops.events.read import EventFilter, EventState
from service.answers.paging import PageQuery
from service.answers.values import Id, Moment, Word

EVENT: Final[dict[str, Any]] = {
    "id": 42,
    "type": "document_uploaded",
    "created_at": "2026-03-02T12:00:00Z",
    "actor_id": "6f1c2a34-0000-4000-8000-000000000001",
    "project_id": "6f1c2a34-0000-4000-8000-000000000002",
    "resource_id": None,
    "thread_id": None,
    "meeting_id": None,
    "state": "completed",
    "reason": None,
    "completed_at": "2026-03-02T12:00:00.021000Z",
    "notifications": 2,
    "emails": 1,
}
DETAILS: Final[dict[str, Any]] = {
    **EVENT,
    "skipped": 1,
    "error": None,
    "pipeline_version": "0.2.0",
    "paused_at": None,
    "payload": None,
    "payload_characters": None,
}


class EventQuery(PageQuery):
    """Which events to list: those that meet all conditions."""

    type: Annotated[Word | None, Query(description="of this event type")] = None
    state: Annotated[EventState | None, Query(description="in this state")] = None
    project: Annotated[Id | None, Query(description="of this project")] = None
    person: Annotated[
        Id | None,
        Query(description="of which this person got a notification or an e-mail"),
    ] = None
    since: Annotated[Moment | None, Query(description="created at this time or later")] = None
    until: Annotated[Moment | None, Query(description="created before this time")] = None

    def conditions(self) -> EventFilter:
        """Return the conditions as ``list_events`` takes them."""
        return EventFilter(
            event_type=self.type,
            state=self.state,
            project=self.project,
            person=self.person,
            since=self.since,
            until=self.until,
        )
