"""A sample event: the row of ``domain_events`` that its producer would insert."""

from dataclasses import dataclass, field
from typing import Any
from uuid import UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class SampleEvent:
    """A future row of ``domain_events``: its keys, and the payload that its producer writes."""

    event_type: str
    project_id: UUID | None = None
    payload: dict[str, Any] = field(default_factory=dict)
    actor_id: UUID | None = None
    resource_id: UUID | None = None
    thread_id: UUID | None = None
    meeting_id: UUID | None = None
