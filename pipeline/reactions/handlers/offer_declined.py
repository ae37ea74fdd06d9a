"""intro.offer_declined: somebody does not want the introduction."""

from collections.abc import Iterator
from uuid import UUID

from pydantic import ConfigDict

from pipeline.domain.identifiers import EventType, UserId
from pipeline.reactions import offers
from pipeline.reactions.camel import CamelPayload
from pipeline.reactions.effects import InboxItem, ItemStatus
from pipeline.reactions.events import ReactionEvent
from pipeline.reactions.facts import Answers, Question, StandingOf
from pipeline.reactions.handler import ReactionHandler
from pipeline.reactions.item_types import ItemType
from pipeline.reactions.outcome import Done, GaveUp, done
from pipeline.reactions.saga import Saga


class OfferDeclined(CamelPayload):
    """Payload of ``intro.offer_declined``."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "introOfferId": "f0000000-0000-4000-8000-000000000001",
                    "introduceeUserId": "a0000000-0000-4000-8000-000000000002",
                }
            ]
        }
    )

    intro_offer_id: UUID
    introducee_user_id: UserId


class OfferDeclinedHandler(ReactionHandler[OfferDeclined]):
    """The offer ends, and what inboxes have of it."""

    event_type = EventType("intro.offer_declined")
    payload = OfferDeclined

    def questions(self, event: ReactionEvent[OfferDeclined]) -> Iterator[Question]:
        """How the offer stands."""
        yield StandingOf(Saga.OFFER, event.payload.intro_offer_id)

    def react(self, event: ReactionEvent[OfferDeclined], answers: Answers) -> Done | GaveUp:
        """The new status; the items expire."""
        said = event.payload
        standing = answers.standings.get(StandingOf(Saga.OFFER, said.intro_offer_id))
        if standing is None:
            return offers.wait_for(event, "its offer")
        if not offers.is_open(standing):
            return done()
        return done(
            offers.moved(event, said.intro_offer_id, standing, offers.DECLINED),
            InboxItem(
                name="item",
                user_id=said.introducee_user_id,
                item_type=ItemType.INTRO_OFFER,
                item_id=said.intro_offer_id,
                status=ItemStatus.EXPIRED,
            ),
            InboxItem(
                name="confirmation",
                user_id=None,
                item_type=ItemType.INTRO_OFFER_CONFIRMATION,
                item_id=said.intro_offer_id,
                status=ItemStatus.EXPIRED,
            ),
        )
