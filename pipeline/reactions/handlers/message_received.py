"""user.message.received: a person wrote a message."""

from pydantic import ConfigDict

from pipeline.domain.identifiers import EventType, UserId
from pipeline.reactions.camel import CamelPayload
from pipeline.reactions.effects import Touch, Touched
from pipeline.reactions.events import ReactionEvent
from pipeline.reactions.facts import Answers
from pipeline.reactions.handler import ReactionHandler
from pipeline.reactions.identifiers import ConversationId
from pipeline.reactions.outcome import Done, done


class MessageReceived(CamelPayload):
    """Payload of ``user.message.received``."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "userId": "a0000000-0000-4000-8000-000000000001",
                    "conversationId": "c0000000-0000-4000-8000-000000000001",
                }
            ]
        }
    )

    user_id: UserId
    conversation_id: ConversationId


class MessageReceivedHandler(ReactionHandler[MessageReceived]):
    """Note that the person was active."""

    event_type = EventType("user.message.received")
    payload = MessageReceived

    def react(self, event: ReactionEvent[MessageReceived], answers: Answers) -> Done:
        """The last activity of the person and of the conversation: the time of the event."""
        said, at = event.payload, event.created_at
        return done(
            Touch(name="user", what=Touched.USER, id=said.user_id, at=at),
            Touch(name="conversation", what=Touched.CONVERSATION, id=said.conversation_id, at=at),
        )
