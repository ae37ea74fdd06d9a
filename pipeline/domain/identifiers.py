"""Types for the identifiers in events, so that mypy finds an id of the wrong kind."""

from typing import Final, NewType
from uuid import UUID

EventId = NewType("EventId", int)
EventType = NewType("EventType", str)
UserId = NewType("UserId", UUID)
ProjectId = NewType("ProjectId", UUID)
ResourceId = NewType("ResourceId", UUID)
ThreadId = NewType("ThreadId", UUID)
MeetingId = NewType("MeetingId", UUID)
OrganisationId = NewType("OrganisationId", UUID)

# The profile that stands for the application's AI.
AI_USER: Final = UserId(UUID(int=0))
