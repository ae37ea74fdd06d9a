"""intro.offer_time_over: nobody has answered an offer in time."""

from collections.abc import Iterator
from uuid import UUID

from pydantic import ConfigDict

from pipeline.domain.identifiers import EventType, UserId
from pipeline.domain.payload import Line
from pipeline.reactions import offers
from pipeline.reactions.camel import CamelPayload
from pipeline.reactions.effects import InboxItem, ItemStatus
from pipeline.reactions.events import ReactionEvent
from pipeline.reactions.facts import Answers, Question, StandingOf
from pipeline.reactions.handler import ReactionHandler
from pipeline.reactions.item_types import ItemType
from pipeline.reactions.outcome import Done, done
from pipeline.reactions.saga import Saga


class OfferTimeOver(CamelPayload):
    """Payload of ``intro.offer_time_over``."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "introOfferId": "f0000000-0000-4000-8000-000000000001",
                    "offeringUserId": "a0000000-0000-4000-8000-000000000001",
                    "introduceeUserId": "a0000000-0000-4000-8000-000000000002",
                    "status": "accepted",
                }
            ]
        }
    )

    intro_offer_id: UUID
    offering_user_id: UserId
    introducee_user_id: UserId
    status: Line


class OfferTimeOverHandler(ReactionHandler[OfferTimeOver]):
    """The offer ends, unless it has moved on."""

    event_type = EventType("intro.offer_time_over")
    payload = OfferTimeOver

    def questions(self, event: ReactionEvent[OfferTimeOver]) -> Iterator[Question]:
        """How the offer stands."""
        yield StandingOf(Saga.OFFER, event.payload.intro_offer_id)

    def react(self, event: ReactionEvent[OfferTimeOver], answers: Answers) -> Done:
        """The new status; the items expire."""
        said = event.payload
        standing = answers.standings.get(StandingOf(Saga.OFFER, said.intro_offer_id))
        is_late = standing is not None and (
            offers.is_undecided(standing)
            if said.status == offers.OFFERED
            else standing.status == said.status
        )
        if standing is None or not is_late:
            return done()
        people = (
            (ItemType.INTRO_OFFER, said.introducee_user_id),
            (ItemType.INTRO_OFFER_CONFIRMATION, said.offering_user_id),
        )
        return done(
            offers.moved(event, said.intro_offer_id, standing, offers.EXPIRED),
            *(
                InboxItem(
                    name=item_type,
                    user_id=user_id,
                    item_type=item_type,
                    item_id=said.intro_offer_id,
                    status=ItemStatus.EXPIRED,
                )
                for item_type, user_id in people
            ),
        )
