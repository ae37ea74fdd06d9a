"""message.send.requested: anybody asks for a message to a person."""

from typing import Any, Literal

from pydantic import ConfigDict, Field

from pipeline.domain.delivery import Priority
from pipeline.domain.identifiers import EventType, UserId
from pipeline.domain.payload import Line, OptionalLine, Payload
from pipeline.reactions.camel import CamelPayload, Details
from pipeline.reactions.effects import TemplateMessage
from pipeline.reactions.events import ReactionEvent
from pipeline.reactions.facts import Answers
from pipeline.reactions.handler import ReactionHandler
from pipeline.reactions.identifiers import ConversationId
from pipeline.reactions.outcome import Done, done


class MessageData(Payload):
    """What the message says."""

    template: Line
    context: Details = Field(default_factory=dict)
    message: str | None = None


class SendRequested(CamelPayload):
    """Payload of ``message.send.requested``."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "userId": "a0000000-0000-4000-8000-000000000001",
                    "agentId": "concierge",
                    "messageData": {
                        "template": "welcome",
                        "context": {"firstName": "Amara"},
                        "message": "Greet them warmly",
                    },
                    "structuredData": {"buttons": ["Yes", "No"]},
                    "priority": "high",
                    "canDelay": True,
                    "requiresFreshContext": True,
                    "conversationContextId": "c0000000-0000-4000-8000-000000000001",
                }
            ]
        }
    )

    user_id: UserId
    agent_id: OptionalLine = None
    message_data: MessageData
    structured_data: Any = None
    priority: Literal["urgent", "high", "medium", "low"] = "medium"
    can_delay: bool = False
    requires_fresh_context: bool = False
    conversation_context_id: ConversationId | None = None


class SendRequestedHandler(ReactionHandler[SendRequested]):
    """Queue the message."""

    event_type = EventType("message.send.requested")
    payload = SendRequested

    def react(self, event: ReactionEvent[SendRequested], answers: Answers) -> Done:
        """One message. What has no column of its own is in its context."""
        said = event.payload
        asked = {
            "agentId": said.agent_id,
            "message": said.message_data.message,
            "structuredData": said.structured_data,
            "requiresFreshContext": said.requires_fresh_context or None,
        }
        return done(
            TemplateMessage(
                name="message",
                user_id=said.user_id,
                template=said.message_data.template,
                scheduled_for=event.created_at,
                priority=Priority.of(said.priority),
                can_delay=said.can_delay,
                conversation_id=said.conversation_context_id,
                context={
                    **said.message_data.context,
                    **{key: value for key, value in asked.items() if value is not None},
                },
            )
        )
