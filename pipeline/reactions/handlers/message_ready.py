"""message.ready_to_send: a message was handed out. Its sender reads the event."""

from uuid import UUID

from pydantic import ConfigDict

from pipeline.domain.identifiers import EventType
from pipeline.reactions.camel import CamelPayload
from pipeline.reactions.events import ReactionEvent
from pipeline.reactions.facts import Answers
from pipeline.reactions.handler import ReactionHandler
from pipeline.reactions.outcome import Done, done


class MessageReady(CamelPayload):
    """Payload of ``message.ready_to_send``."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"messageId": "f0000000-0000-4000-8000-000000000001"}]}
    )

    message_id: UUID


class MessageReadyHandler(ReactionHandler[MessageReady]):
    """Nothing follows here. A route can send the event to a webhook."""

    event_type = EventType("message.ready_to_send")
    payload = MessageReady

    def react(self, event: ReactionEvent[MessageReady], answers: Answers) -> Done:
        """No effect."""
        return done()
