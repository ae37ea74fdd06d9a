"""message.ready_to_send: a message was handed out. Its sender reads the event."""

from uuid import UUID

from pipeline.domain.identifiers import EventType
from pipeline.reactions.camel import CamelPayload
from pipeline.reactions.events import ReactionEvent
from pipeline.reactions.facts import Answers
from pipeline.reactions.handler import ReactionHandler
from pipeline.reactions.outcome import Done, done


class MessageReady(CamelPayload):
    """Payload of ``message.ready_to_send``."""

    message_id: UUID


class MessageReadyHandler(ReactionHandler[MessageReady]):
    """Nothing follows here. A route can send the event to a webhook."""

    event_type = EventType("message.ready_to_send")
    payload = MessageReady

    def react(self, event: ReactionEvent[MessageReady], answers: Answers) -> Done:
        """No effect."""
        return done()
