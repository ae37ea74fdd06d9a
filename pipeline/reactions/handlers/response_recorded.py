"""user.response.recorded: a person answered what they were told."""

from collections.abc import Iterator
from typing import Literal

from pydantic import ConfigDict

from pipeline.domain.identifiers import EventType, UserId
from pipeline.reactions.camel import CamelPayload, Details
from pipeline.reactions.effects import AuditEntry, Reaction, Task
from pipeline.reactions.events import ReactionEvent
from pipeline.reactions.facts import Answers
from pipeline.reactions.handler import ReactionHandler
from pipeline.reactions.identifiers import ConversationId
from pipeline.reactions.outcome import Done, done_with


class ResponseRecorded(CamelPayload):
    """Payload of ``user.response.recorded``."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "userId": "a0000000-0000-4000-8000-000000000001",
                    "conversationId": "c0000000-0000-4000-8000-000000000001",
                    "responseType": "rejection",
                    "context": {"item": "intro"},
                    "response": "Not now",
                }
            ]
        }
    )

    user_id: UserId
    conversation_id: ConversationId
    response_type: Literal["feedback", "acceptance", "rejection", "clarification"]
    context: Details | str | None = None
    response: str | None = None


class ResponseRecordedHandler(ReactionHandler[ResponseRecorded]):
    """Log the answer; after a rejection, offer something else."""

    event_type = EventType("user.response.recorded")
    payload = ResponseRecorded

    def react(self, event: ReactionEvent[ResponseRecorded], answers: Answers) -> Done:
        """A line of the log; for a rejection also one task."""
        return done_with(_reactions(event))


def _reactions(event: ReactionEvent[ResponseRecorded]) -> Iterator[Reaction]:
    said = event.payload
    yield AuditEntry(
        name="log",
        action="user_response_recorded",
        agent_type="event_processor",
        user_id=said.user_id,
        data={
            "conversationId": said.conversation_id,
            "responseType": said.response_type,
            "context": said.context,
            "response": said.response,
        },
    )
    if said.response_type == "rejection":
        yield Task(
            name="priorities",
            task_type="notify_user_of_priorities",
            agent_type="account_manager",
            user_id=said.user_id,
            context_type="conversation",
            context_id=said.conversation_id,
            scheduled_for=event.created_at,
            context={"reason": "user_rejection", "response": said.response},
        )
