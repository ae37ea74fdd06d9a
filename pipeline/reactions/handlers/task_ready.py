"""agent.task_ready: a task was handed out. Its worker reads the event."""

from uuid import UUID

from pydantic import ConfigDict

from pipeline.domain.identifiers import EventType
from pipeline.reactions.camel import CamelPayload
from pipeline.reactions.events import ReactionEvent
from pipeline.reactions.facts import Answers
from pipeline.reactions.handler import ReactionHandler
from pipeline.reactions.outcome import Done, done


class TaskReady(CamelPayload):
    """Payload of ``agent.task_ready``."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"taskId": "f0000000-0000-4000-8000-000000000001"}]}
    )

    task_id: UUID


class TaskReadyHandler(ReactionHandler[TaskReady]):
    """Nothing follows here. A route can send the event to a webhook."""

    event_type = EventType("agent.task_ready")
    payload = TaskReady

    def react(self, event: ReactionEvent[TaskReady], answers: Answers) -> Done:
        """No effect."""
        return done()
