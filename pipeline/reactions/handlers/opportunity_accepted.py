"""intro.opportunity_accepted: a connector agreed to introduce somebody."""

from uuid import UUID

from pydantic import ConfigDict

from pipeline.domain.identifiers import EventType, UserId
from pipeline.reactions.camel import CamelPayload
from pipeline.reactions.effects import InboxItem, ItemStatus
from pipeline.reactions.events import ReactionEvent
from pipeline.reactions.facts import Answers
from pipeline.reactions.handler import ReactionHandler
from pipeline.reactions.item_types import ItemType
from pipeline.reactions.outcome import Done, done


class OpportunityAccepted(CamelPayload):
    """Payload of ``intro.opportunity_accepted``."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "introOpportunityId": "f0000000-0000-4000-8000-000000000001",
                    "connectorUserId": "a0000000-0000-4000-8000-000000000001",
                }
            ]
        }
    )

    intro_opportunity_id: UUID
    connector_user_id: UserId


class OpportunityAcceptedHandler(ReactionHandler[OpportunityAccepted]):
    """The connector has acted: the opportunity needs nothing more of them."""

    event_type = EventType("intro.opportunity_accepted")
    payload = OpportunityAccepted
    in_order = True

    def react(self, event: ReactionEvent[OpportunityAccepted], answers: Answers) -> Done:
        """The item of the connector is actioned."""
        said = event.payload
        return done(
            InboxItem(
                name="item",
                user_id=said.connector_user_id,
                item_type=ItemType.INTRO_OPPORTUNITY,
                item_id=said.intro_opportunity_id,
                status=ItemStatus.ACTIONED,
            )
        )
