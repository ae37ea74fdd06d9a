"""intro.opportunity_accepted: a connector agreed to introduce somebody."""

from pipeline.domain.identifiers import EventType
from pipeline.reactions import opportunities
from pipeline.reactions.effects import ItemStatus
from pipeline.reactions.events import ReactionEvent
from pipeline.reactions.facts import Answers
from pipeline.reactions.handler import ReactionHandler
from pipeline.reactions.outcome import Done, done


class OpportunityAccepted(opportunities.OpportunityDecided):
    """Payload of ``intro.opportunity_accepted``."""


class OpportunityAcceptedHandler(ReactionHandler[OpportunityAccepted]):
    """The connector has acted: the opportunity needs nothing more of them."""

    event_type = EventType("intro.opportunity_accepted")
    payload = OpportunityAccepted
    in_order = True

    def react(self, event: ReactionEvent[OpportunityAccepted], answers: Answers) -> Done:
        """The item of the connector is actioned."""
        said = event.payload
        return done(
            opportunities.item_ended(
                said.intro_opportunity_id, said.connector_user_id, ItemStatus.ACTIONED
            )
        )
