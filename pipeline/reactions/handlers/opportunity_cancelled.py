"""intro.opportunity_cancelled: nobody is to be introduced any more."""

from uuid import UUID

from pydantic import ConfigDict

from pipeline.domain.identifiers import EventType
from pipeline.reactions import opportunities
from pipeline.reactions.camel import CamelPayload
from pipeline.reactions.effects import ItemStatus
from pipeline.reactions.events import ReactionEvent
from pipeline.reactions.facts import Answers
from pipeline.reactions.handler import ReactionHandler
from pipeline.reactions.outcome import Done, done


class OpportunityCancelled(CamelPayload):
    """Payload of ``intro.opportunity_cancelled``."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"introOpportunityId": "f0000000-0000-4000-8000-000000000001"}]
        }
    )

    intro_opportunity_id: UUID


class OpportunityCancelledHandler(ReactionHandler[OpportunityCancelled]):
    """Take the opportunity out of every inbox."""

    event_type = EventType("intro.opportunity_cancelled")
    payload = OpportunityCancelled
    in_order = True

    def react(self, event: ReactionEvent[OpportunityCancelled], answers: Answers) -> Done:
        """The item is expired, whoever has it. No row is deleted."""
        opportunity = event.payload.intro_opportunity_id
        return done(opportunities.item_ended(opportunity, None, ItemStatus.EXPIRED))
