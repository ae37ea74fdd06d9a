"""intro.offer_reminder: three days have passed since an offer was accepted."""

from collections.abc import Iterator
from datetime import datetime
from uuid import UUID

from pydantic import ConfigDict

from pipeline.domain.identifiers import EventType, UserId
from pipeline.reactions import offers
from pipeline.reactions.camel import CamelPayload
from pipeline.reactions.effects import TemplateMessage
from pipeline.reactions.events import ReactionEvent
from pipeline.reactions.facts import Answers, Question, StandingOf
from pipeline.reactions.handler import ReactionHandler
from pipeline.reactions.outcome import Done, done
from pipeline.reactions.saga import Saga


class OfferReminder(CamelPayload):
    """Payload of ``intro.offer_reminder``."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "introOfferId": "f0000000-0000-4000-8000-000000000001",
                    "offeringUserId": "a0000000-0000-4000-8000-000000000001",
                    "dueAt": "2026-03-05T12:00:00Z",
                }
            ]
        }
    )

    intro_offer_id: UUID
    offering_user_id: UserId
    due_at: datetime | None = None


class OfferReminderHandler(ReactionHandler[OfferReminder]):
    """Remind who offered it, if they still have to confirm."""

    event_type = EventType("intro.offer_reminder")
    payload = OfferReminder

    def questions(self, event: ReactionEvent[OfferReminder]) -> Iterator[Question]:
        """How the offer stands."""
        yield StandingOf(Saga.OFFER, event.payload.intro_offer_id)

    def react(self, event: ReactionEvent[OfferReminder], answers: Answers) -> Done:
        """A message, or nothing."""
        said = event.payload
        standing = answers.standings.get(StandingOf(Saga.OFFER, said.intro_offer_id))
        if standing is None or standing.status != offers.ACCEPTED:
            return done()
        return done(
            TemplateMessage(
                name="reminder",
                user_id=said.offering_user_id,
                template="intro_offer_confirmation_reminder",
                scheduled_for=said.due_at or event.created_at,
                context={"introOfferId": said.intro_offer_id},
            )
        )
