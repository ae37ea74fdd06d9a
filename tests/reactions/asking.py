"""Asks a handler as the pipeline does: payload in, outcome out."""

from datetime import UTC, datetime
from typing import Any, Final
from uuid import UUID

from pipeline.domain.identifiers import EventType, UserId
from pipeline.reactions.ask import outcome_of
from pipeline.reactions.effects import Reaction
from pipeline.reactions.events import ReactionEvent
from pipeline.reactions.facts import Answers
from pipeline.reactions.handlers import REACTION_HANDLERS
from pipeline.reactions.identifiers import ConversationId, ReactionId, RequestId
from pipeline.reactions.outcome import Done, ReactionOutcome

AT: Final = datetime(2026, 3, 2, 12, tzinfo=UTC)
EVENT: Final = ReactionId(UUID("e0000000-0000-4000-8000-000000000001"))
AMARA: Final = UserId(UUID("a0000000-0000-4000-8000-000000000001"))
LEO: Final = UserId(UUID("a0000000-0000-4000-8000-000000000002"))
GRACE: Final = UserId(UUID("a0000000-0000-4000-8000-000000000003"))
TALK: Final = ConversationId(UUID("c0000000-0000-4000-8000-000000000001"))
REQUEST: Final = RequestId(UUID("d0000000-0000-4000-8000-000000000001"))
INTRO: Final = UUID("f0000000-0000-4000-8000-000000000001")


def asked(
    event_type: str,
    payload: dict[str, Any],
    answers: Answers | None = None,
    *,
    depth: int = 0,
    event_id: ReactionId = EVENT,
) -> ReactionOutcome:
    """Return the outcome of an event of 12:00."""
    handler = REACTION_HANDLERS[EventType(event_type)]
    event = ReactionEvent(
        id=event_id,
        type=EventType(event_type),
        created_at=AT,
        payload=handler.payload.model_validate(payload),
        depth=depth,
    )
    return outcome_of(handler, event, answers or Answers())


def effects(
    event_type: str, payload: dict[str, Any], answers: Answers | None = None
) -> dict[str, Reaction]:
    """Return the effects of an event, by name."""
    outcome = asked(event_type, payload, answers)
    assert isinstance(outcome, Done)
    return {each.name: each for each in outcome.effects}
