"""intro.opportunity_completed: a connector introduced somebody."""

from collections.abc import Iterator
from uuid import UUID

from pydantic import ConfigDict

from pipeline.domain.delivery import Priority
from pipeline.domain.identifiers import EventType
from pipeline.reactions import opportunities
from pipeline.reactions.camel import CamelPayload
from pipeline.reactions.effects import ItemStatus, Reaction, TemplateMessage
from pipeline.reactions.events import ReactionEvent
from pipeline.reactions.facts import Answers, HoldersOf, Question
from pipeline.reactions.handler import ReactionHandler
from pipeline.reactions.item_types import ItemType
from pipeline.reactions.outcome import Done, done_with


class OpportunityCompleted(CamelPayload):
    """Payload of ``intro.opportunity_completed``."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"introOpportunityId": "f0000000-0000-4000-8000-000000000001"}]
        }
    )

    intro_opportunity_id: UUID


class OpportunityCompletedHandler(ReactionHandler[OpportunityCompleted]):
    """Tell the connector, when there is time, and take the opportunity out of the inbox."""

    event_type = EventType("intro.opportunity_completed")
    payload = OpportunityCompleted
    in_order = True

    def questions(self, event: ReactionEvent[OpportunityCompleted]) -> Iterator[Question]:
        """Who has the item: the event names nobody."""
        yield _holders(event)

    def react(self, event: ReactionEvent[OpportunityCompleted], answers: Answers) -> Done:
        """The item is actioned; a message of low priority, which may wait, for who has it."""
        return done_with(_reactions(event, answers))


def _holders(event: ReactionEvent[OpportunityCompleted]) -> HoldersOf:
    return HoldersOf(ItemType.INTRO_OPPORTUNITY, event.payload.intro_opportunity_id)


def _reactions(event: ReactionEvent[OpportunityCompleted], answers: Answers) -> Iterator[Reaction]:
    opportunity = event.payload.intro_opportunity_id
    yield opportunities.item_ended(opportunity, None, ItemStatus.ACTIONED)
    for user_id in answers.holders.get(_holders(event), ()):
        yield TemplateMessage(
            name=f"connector:{user_id}",
            user_id=user_id,
            template="intro_opportunity_completed",
            scheduled_for=event.created_at,
            priority=Priority.LOW,
            can_delay=True,
            context={"introOpportunityId": opportunity},
        )
