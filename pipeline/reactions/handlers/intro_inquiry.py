"""user.intro_inquiry: a person asks about an introduction."""

from uuid import UUID

from pydantic import ConfigDict

from pipeline.domain.delivery import Priority
from pipeline.domain.identifiers import EventType, UserId
from pipeline.reactions.camel import CamelPayload
from pipeline.reactions.effects import Task
from pipeline.reactions.events import ReactionEvent
from pipeline.reactions.facts import Answers
from pipeline.reactions.handler import ReactionHandler
from pipeline.reactions.identifiers import ConversationId
from pipeline.reactions.outcome import Done, done


class IntroInquiry(CamelPayload):
    """Payload of ``user.intro_inquiry``."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "userId": "a0000000-0000-4000-8000-000000000001",
                    "introId": "f0000000-0000-4000-8000-000000000001",
                    "userQuestion": "When do we meet?",
                    "conversationId": "c0000000-0000-4000-8000-000000000001",
                }
            ]
        }
    )

    user_id: UserId
    conversation_id: ConversationId
    user_question: str
    intro_id: UUID | None = None


class IntroInquiryHandler(ReactionHandler[IntroInquiry]):
    """Have the question answered."""

    event_type = EventType("user.intro_inquiry")
    payload = IntroInquiry

    def react(self, event: ReactionEvent[IntroInquiry], answers: Answers) -> Done:
        """One task for the account manager."""
        said = event.payload
        return done(
            Task(
                name="follow up",
                task_type="intro_followup_check",
                agent_type="account_manager",
                user_id=said.user_id,
                context_type="intro_opportunity" if said.intro_id else "conversation",
                context_id=said.intro_id or said.conversation_id,
                scheduled_for=event.created_at,
                priority=Priority.HIGH,
                context={
                    "introId": said.intro_id,
                    "userQuestion": said.user_question,
                    "conversationId": said.conversation_id,
                },
            )
        )
