"""account_manager.processing.completed: the account manager has ended a turn."""

from collections.abc import Iterator
from datetime import datetime

from pydantic import ConfigDict

from pipeline.domain.delivery import Priority
from pipeline.domain.identifiers import EventType, UserId
from pipeline.domain.payload import Count
from pipeline.reactions.camel import CamelPayload
from pipeline.reactions.effects import AuditEntry, Reaction, Task
from pipeline.reactions.events import ReactionEvent
from pipeline.reactions.facts import Answers
from pipeline.reactions.handler import ReactionHandler
from pipeline.reactions.outcome import Done, done_with


class ProcessingCompleted(CamelPayload):
    """Payload of ``account_manager.processing.completed``."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "userId": "a0000000-0000-4000-8000-000000000001",
                    "processedEvents": 3,
                    "urgentItems": 1,
                    "prioritiesUpdated": 2,
                    "tasksCreated": 1,
                    "completedAt": "2026-03-02T11:59:00Z",
                }
            ]
        }
    )

    user_id: UserId
    processed_events: Count = 0
    urgent_items: Count = 0
    priorities_updated: Count = 0
    tasks_created: Count = 0
    completed_at: datetime | None = None


class ProcessingCompletedHandler(ReactionHandler[ProcessingCompleted]):
    """Log the turn; if something is urgent, have the person told at once."""

    event_type = EventType("account_manager.processing.completed")
    payload = ProcessingCompleted

    def react(self, event: ReactionEvent[ProcessingCompleted], answers: Answers) -> Done:
        """A line of the log, and for urgent items one urgent task."""
        return done_with(_reactions(event))


def _reactions(event: ReactionEvent[ProcessingCompleted]) -> Iterator[Reaction]:
    said = event.payload
    yield AuditEntry(
        name="log",
        action="processing_completed",
        agent_type="account_manager",
        user_id=said.user_id,
        data={
            "processedEvents": said.processed_events,
            "urgentItems": said.urgent_items,
            "prioritiesUpdated": said.priorities_updated,
            "tasksCreated": said.tasks_created,
            "completedAt": said.completed_at,
        },
    )
    if said.urgent_items:
        yield Task(
            name="urgent",
            task_type="notify_urgent_items",
            agent_type="concierge",
            user_id=said.user_id,
            context_type="user",
            context_id=said.user_id,
            scheduled_for=event.created_at,
            priority=Priority.CRITICAL,
            context={"urgentItems": said.urgent_items},
        )
