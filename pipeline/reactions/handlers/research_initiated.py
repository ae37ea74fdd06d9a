"""solution.research_initiated: the research for a person has begun."""

from uuid import UUID

from pydantic import ConfigDict

from pipeline.domain.identifiers import EventType, UserId
from pipeline.reactions.camel import CamelPayload
from pipeline.reactions.events import ReactionEvent
from pipeline.reactions.facts import Answers
from pipeline.reactions.handler import ReactionHandler
from pipeline.reactions.identifiers import ConversationId
from pipeline.reactions.outcome import Done, done


class ResearchInitiated(CamelPayload):
    """Payload of ``solution.research_initiated``. No key is needed: nothing here reads them."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "userId": "a0000000-0000-4000-8000-000000000001",
                    "workflowId": "f0000000-0000-4000-8000-000000000001",
                    "conversationId": "c0000000-0000-4000-8000-000000000001",
                    "requestDescription": "A lender",
                }
            ]
        }
    )

    user_id: UserId | None = None
    workflow_id: UUID | None = None
    conversation_id: ConversationId | None = None
    request_description: str | None = None


class ResearchInitiatedHandler(ReactionHandler[ResearchInitiated]):
    """Nothing follows here. It is for programs that read the events; a route can send it on."""

    event_type = EventType("solution.research_initiated")
    payload = ResearchInitiated

    def react(self, event: ReactionEvent[ResearchInitiated], answers: Answers) -> Done:
        """No effect."""
        return done()
