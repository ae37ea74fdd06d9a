"""Asks a registered handler as the pipeline does: payload in, outcome out."""

from collections.abc import Mapping
from typing import Any, Final
from uuid import UUID

from pipeline.domain.identifiers import EventType, UserId
from pipeline.reactions.effects import Reaction
from pipeline.reactions.facts import Answers
from pipeline.reactions.handlers import REACTION_HANDLERS
from pipeline.reactions.identifiers import ConversationId, ReactionId, RequestId
from pipeline.reactions.outcome import ReactionOutcome
from pipeline.testing.reactions import AT, EVENT, when

__all__ = ["AT", "EVENT"]

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
    return when(handler, payload, answers, depth=depth, event_id=event_id).outcome


def effects(
    event_type: str, payload: dict[str, Any], answers: Answers | None = None
) -> Mapping[str, Reaction]:
    """Return the effects of an event, by name."""
    return when(REACTION_HANDLERS[EventType(event_type)], payload, answers).effects
