"""conversation.intent_classified: it is known what a message wants."""

from collections.abc import Iterator
from typing import Final

from pydantic import ConfigDict

from pipeline.domain.identifiers import EventType
from pipeline.domain.payload import Line
from pipeline.reactions.camel import CamelPayload, Confidence, Details
from pipeline.reactions.effects import Classification, Reaction, Task
from pipeline.reactions.events import ReactionEvent
from pipeline.reactions.facts import Answers
from pipeline.reactions.handler import ReactionHandler
from pipeline.reactions.identifiers import ConversationId
from pipeline.reactions.outcome import Done, done_with

# Above it, somebody acts on the intent.
SURE: Final = 0.8


class IntentClassified(CamelPayload):
    """Payload of ``conversation.intent_classified``."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "conversationId": "c0000000-0000-4000-8000-000000000001",
                    "intent": "find_lender",
                    "confidence": 0.9,
                    "context": {"city": "Lagos"},
                }
            ]
        }
    )

    conversation_id: ConversationId
    intent: Line
    confidence: Confidence
    context: Details | None = None


class IntentClassifiedHandler(ReactionHandler[IntentClassified]):
    """Note the intent at its conversation; have somebody act on a sure one."""

    event_type = EventType("conversation.intent_classified")
    payload = IntentClassified

    def react(self, event: ReactionEvent[IntentClassified], answers: Answers) -> Done:
        """The classification, and above a confidence of 0.8 one task."""
        return done_with(_reactions(event))


def _reactions(event: ReactionEvent[IntentClassified]) -> Iterator[Reaction]:
    said = event.payload
    yield Classification(
        name="intent",
        conversation_id=said.conversation_id,
        intent=said.intent,
        confidence=said.confidence,
        context=said.context,
        at=event.created_at,
    )
    if said.confidence > SURE:
        yield Task(
            name="act",
            task_type="act_on_intent",
            agent_type="account_manager",
            context_type="conversation",
            context_id=said.conversation_id,
            scheduled_for=event.created_at,
            context={"intent": said.intent, "confidence": said.confidence},
        )
