"""intro.offer_created: somebody offers to introduce a person."""

from collections.abc import Iterator
from datetime import datetime
from typing import Final
from uuid import UUID

from pydantic import ConfigDict

from pipeline.domain.identifiers import EventType, UserId
from pipeline.domain.payload import OptionalLine
from pipeline.reactions import offers
from pipeline.reactions.camel import CamelPayload
from pipeline.reactions.effects import InboxItem, Reaction, SagaStart
from pipeline.reactions.events import ReactionEvent
from pipeline.reactions.facts import Answers, Question, StandingOf
from pipeline.reactions.handler import ReactionHandler
from pipeline.reactions.item_types import ItemType
from pipeline.reactions.outcome import Done, done, done_with
from pipeline.reactions.saga import Saga

SCORE: Final = 70


class OfferCreated(CamelPayload):
    """Payload of ``intro.offer_created``."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "introOfferId": "f0000000-0000-4000-8000-000000000001",
                    "offeringUserId": "a0000000-0000-4000-8000-000000000001",
                    "introduceeUserId": "a0000000-0000-4000-8000-000000000002",
                    "introduceeProspectName": "Ada Byron",
                    "expiresAt": "2026-03-09T12:00:00Z",
                }
            ]
        }
    )

    intro_offer_id: UUID
    offering_user_id: UserId
    introducee_user_id: UserId
    introducee_prospect_name: OptionalLine = None
    expires_at: datetime | None = None


class OfferCreatedHandler(ReactionHandler[OfferCreated]):
    """Put the offer into the inbox of the introducee. It ends when it says."""

    event_type = EventType("intro.offer_created")
    payload = OfferCreated

    def questions(self, event: ReactionEvent[OfferCreated]) -> Iterator[Question]:
        """How the offer stands."""
        yield StandingOf(Saga.OFFER, event.payload.intro_offer_id)

    def react(self, event: ReactionEvent[OfferCreated], answers: Answers) -> Done:
        """The row of the offer if there is none, one item, and its end."""
        said = event.payload
        standing = answers.standings.get(StandingOf(Saga.OFFER, said.intro_offer_id))
        if standing is not None and not offers.is_undecided(standing):
            return done()
        return done_with(_reactions(event))


def _reactions(event: ReactionEvent[OfferCreated]) -> Iterator[Reaction]:
    said = event.payload
    yield SagaStart(
        name="offer",
        saga=Saga.OFFER,
        id=said.intro_offer_id,
        status=offers.OFFERED,
        user_id=said.offering_user_id,
        other_user_id=said.introducee_user_id,
        expires_at=said.expires_at,
    )
    yield InboxItem(
        name="item",
        user_id=said.introducee_user_id,
        item_type=ItemType.INTRO_OFFER,
        item_id=said.intro_offer_id,
        score=SCORE,
        expires_at=said.expires_at,
        content={
            "step": "introducee_decision",
            "offeringUserId": said.offering_user_id,
            "introduceeProspectName": said.introducee_prospect_name,
        },
    )
    if said.expires_at is not None:
        yield offers.time_over(
            said.intro_offer_id,
            said.offering_user_id,
            said.introducee_user_id,
            status=offers.OFFERED,
            at=said.expires_at,
        )
