"""intro.offer_accepted: the introducee wants the introduction."""

from collections.abc import Iterator
from typing import Final
from uuid import UUID

from pydantic import ConfigDict

from pipeline.domain.identifiers import EventType, UserId
from pipeline.domain.payload import Count, OptionalLine
from pipeline.reactions import offers
from pipeline.reactions.camel import CamelPayload
from pipeline.reactions.effects import FollowUp, InboxItem, ItemStatus
from pipeline.reactions.events import ReactionEvent
from pipeline.reactions.facts import Answers, Question, StandingOf
from pipeline.reactions.handler import ReactionHandler
from pipeline.reactions.item_types import ItemType
from pipeline.reactions.outcome import Done, GaveUp, done
from pipeline.reactions.saga import Saga

# Of the item that asks for the confirmation.
SCORE: Final = 80


class OfferAccepted(CamelPayload):
    """Payload of ``intro.offer_accepted``."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "introOfferId": "f0000000-0000-4000-8000-000000000001",
                    "offeringUserId": "a0000000-0000-4000-8000-000000000001",
                    "introduceeUserId": "a0000000-0000-4000-8000-000000000002",
                    "prospectName": "Ada Byron",
                    "bountyCredits": 25,
                }
            ]
        }
    )

    intro_offer_id: UUID
    offering_user_id: UserId
    introducee_user_id: UserId
    prospect_name: OptionalLine = None
    bounty_credits: Count = 0


class OfferAcceptedHandler(ReactionHandler[OfferAccepted]):
    """Ask the one who offered to confirm: a reminder after 3 days, the end after 7."""

    event_type = EventType("intro.offer_accepted")
    payload = OfferAccepted

    def questions(self, event: ReactionEvent[OfferAccepted]) -> Iterator[Question]:
        """How the offer stands."""
        yield StandingOf(Saga.OFFER, event.payload.intro_offer_id)

    def react(self, event: ReactionEvent[OfferAccepted], answers: Answers) -> Done | GaveUp:
        """The new status, the items of both, and what is due later."""
        said = event.payload
        standing = answers.standings.get(StandingOf(Saga.OFFER, said.intro_offer_id))
        if standing is None:
            return offers.wait_for(event, "its offer")
        if not offers.is_undecided(standing):
            return done()
        ends_at = event.created_at + offers.WINDOW
        return done(
            offers.moved(event, said.intro_offer_id, standing, offers.ACCEPTED),
            InboxItem(
                name="item",
                user_id=said.introducee_user_id,
                item_type=ItemType.INTRO_OFFER,
                item_id=said.intro_offer_id,
                status=ItemStatus.ACTIONED,
            ),
            InboxItem(
                name="confirmation",
                user_id=said.offering_user_id,
                item_type=ItemType.INTRO_OFFER_CONFIRMATION,
                item_id=said.intro_offer_id,
                score=SCORE,
                expires_at=ends_at,
                content={
                    "prospectName": said.prospect_name,
                    "bountyCredits": said.bounty_credits,
                    "introduceeUserId": said.introducee_user_id,
                },
            ),
            FollowUp(
                name="reminder",
                type=EventType("intro.offer_reminder"),
                aggregate_type=offers.AGGREGATE,
                aggregate_id=said.intro_offer_id,
                payload={
                    "introOfferId": said.intro_offer_id,
                    "offeringUserId": said.offering_user_id,
                    "dueAt": event.created_at + offers.REMIND_AFTER,
                },
                at=event.created_at + offers.REMIND_AFTER,
            ),
            offers.time_over(
                said.intro_offer_id,
                said.offering_user_id,
                said.introducee_user_id,
                status=offers.ACCEPTED,
                at=ends_at,
            ),
        )
