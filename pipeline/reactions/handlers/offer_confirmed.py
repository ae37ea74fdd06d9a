"""intro.offer_confirmed: who offered the introduction makes it."""

from collections.abc import Iterator
from uuid import UUID

from pydantic import ConfigDict

from pipeline.domain.delivery import Priority
from pipeline.domain.identifiers import EventType, UserId
from pipeline.reactions import offers
from pipeline.reactions.camel import CamelPayload
from pipeline.reactions.effects import InboxItem, ItemStatus, Reaction, TemplateMessage
from pipeline.reactions.events import ReactionEvent
from pipeline.reactions.facts import Answers, HoldersOf, Question, StandingOf
from pipeline.reactions.handler import ReactionHandler
from pipeline.reactions.item_types import ItemType
from pipeline.reactions.outcome import Done, GaveUp, done, done_with
from pipeline.reactions.saga import Saga, Standing


class OfferConfirmed(CamelPayload):
    """Payload of ``intro.offer_confirmed``."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "introOfferId": "f0000000-0000-4000-8000-000000000001",
                    "offeringUserId": "a0000000-0000-4000-8000-000000000001",
                }
            ]
        }
    )

    intro_offer_id: UUID
    offering_user_id: UserId


class OfferConfirmedHandler(ReactionHandler[OfferConfirmed]):
    """Close the loop: a message to each of the two."""

    event_type = EventType("intro.offer_confirmed")
    payload = OfferConfirmed

    def questions(self, event: ReactionEvent[OfferConfirmed]) -> Iterator[Question]:
        """How the offer stands, and to whom it was made."""
        yield StandingOf(Saga.OFFER, event.payload.intro_offer_id)
        yield HoldersOf(ItemType.INTRO_OFFER, event.payload.intro_offer_id)

    def react(self, event: ReactionEvent[OfferConfirmed], answers: Answers) -> Done | GaveUp:
        """The new status, the item, and two messages that may wait."""
        said = event.payload
        standing = answers.standings.get(StandingOf(Saga.OFFER, said.intro_offer_id))
        if standing is None or offers.is_undecided(standing):
            return offers.wait_for(event, "the acceptance of its offer")
        if not offers.is_open(standing):
            return done()
        return done_with(_reactions(event, answers, standing))


def _reactions(
    event: ReactionEvent[OfferConfirmed], answers: Answers, standing: Standing
) -> Iterator[Reaction]:
    said = event.payload
    yield offers.moved(event, said.intro_offer_id, standing, offers.CONFIRMED)
    yield InboxItem(
        name="confirmation",
        user_id=said.offering_user_id,
        item_type=ItemType.INTRO_OFFER_CONFIRMATION,
        item_id=said.intro_offer_id,
        status=ItemStatus.ACTIONED,
    )
    # The event does not say who was introduced: who had the item of the offer.
    introducee = HoldersOf(ItemType.INTRO_OFFER, said.intro_offer_id)
    people = {"introducee": answers.holders.get(introducee, ())}
    people["connector"] = (said.offering_user_id,)
    for party, users in people.items():
        for user_id in users:
            yield TemplateMessage(
                name=f"{party}:{user_id}",
                user_id=user_id,
                template=f"intro_offer_confirmed_{party}",
                scheduled_for=event.created_at,
                priority=Priority.LOW,
                can_delay=True,
                context={"introOfferId": said.intro_offer_id},
            )
