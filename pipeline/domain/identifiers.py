"""Names for the identifiers that events carry, so that one kind cannot stand in for another."""

from typing import NewType
from uuid import UUID

EventId = NewType("EventId", int)
EventType = NewType("EventType", str)
UserId = NewType("UserId", UUID)
ProjectId = NewType("ProjectId", UUID)
ResourceId = NewType("ResourceId", UUID)
ThreadId = NewType("ThreadId", UUID)
MeetingId = NewType("MeetingId", UUID)
OrganisationId = NewType("OrganisationId", UUID)
