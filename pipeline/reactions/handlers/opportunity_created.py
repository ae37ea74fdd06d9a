"""intro.opportunity_created: a connector can introduce somebody."""

from datetime import datetime
from uuid import UUID

from pydantic import ConfigDict

from pipeline.domain.identifiers import EventType, UserId
from pipeline.domain.payload import Count, OptionalLine
from pipeline.reactions.camel import CamelPayload
from pipeline.reactions.effects import BEST_SCORE, InboxItem
from pipeline.reactions.events import ReactionEvent
from pipeline.reactions.facts import Answers
from pipeline.reactions.handler import ReactionHandler
from pipeline.reactions.item_types import ItemType
from pipeline.reactions.outcome import Done, done


class OpportunityCreated(CamelPayload):
    """Payload of ``intro.opportunity_created``."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "introOpportunityId": "f0000000-0000-4000-8000-000000000001",
                    "connectorUserId": "a0000000-0000-4000-8000-000000000001",
                    "prospectName": "Ada Byron",
                    "prospectCompany": "Engine Works",
                    "prospectTitle": "Director",
                    "innovatorName": "Maya Lindqvist",
                    "bountyCredits": 50,
                    "expiresAt": "2026-03-09T12:00:00Z",
                }
            ]
        }
    )

    intro_opportunity_id: UUID
    connector_user_id: UserId
    prospect_name: OptionalLine = None
    prospect_company: OptionalLine = None
    prospect_title: OptionalLine = None
    innovator_name: OptionalLine = None
    bounty_credits: Count = 0
    expires_at: datetime | None = None


class OpportunityCreatedHandler(ReactionHandler[OpportunityCreated]):
    """Put the opportunity into the inbox of the connector."""

    event_type = EventType("intro.opportunity_created")
    payload = OpportunityCreated
    in_order = True

    def react(self, event: ReactionEvent[OpportunityCreated], answers: Answers) -> Done:
        """One item. Its score is the number of credits, at most 100."""
        said = event.payload
        return done(
            InboxItem(
                name="item",
                user_id=said.connector_user_id,
                item_type=ItemType.INTRO_OPPORTUNITY,
                item_id=said.intro_opportunity_id,
                score=min(said.bounty_credits, BEST_SCORE),
                expires_at=said.expires_at,
                content={
                    "prospectName": said.prospect_name,
                    "prospectCompany": said.prospect_company,
                    "prospectTitle": said.prospect_title,
                    "innovatorName": said.innovator_name,
                    "bountyCredits": said.bounty_credits,
                },
            )
        )
