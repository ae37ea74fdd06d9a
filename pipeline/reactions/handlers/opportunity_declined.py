"""intro.opportunity_declined: a connector does not want to introduce somebody."""

from pipeline.domain.identifiers import EventType
from pipeline.reactions import opportunities
from pipeline.reactions.effects import ItemStatus
from pipeline.reactions.events import ReactionEvent
from pipeline.reactions.facts import Answers
from pipeline.reactions.handler import ReactionHandler
from pipeline.reactions.outcome import Done, done


class OpportunityDeclined(opportunities.OpportunityDecided):
    """Payload of ``intro.opportunity_declined``."""


class OpportunityDeclinedHandler(ReactionHandler[OpportunityDeclined]):
    """Take the opportunity out of the inbox of the connector."""

    event_type = EventType("intro.opportunity_declined")
    payload = OpportunityDeclined
    in_order = True

    def react(self, event: ReactionEvent[OpportunityDeclined], answers: Answers) -> Done:
        """The item of the connector is expired."""
        said = event.payload
        return done(
            opportunities.item_ended(
                said.intro_opportunity_id, said.connector_user_id, ItemStatus.EXPIRED
            )
        )
