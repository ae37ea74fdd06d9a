"""Ask a handler about an event, once for each try."""

from collections.abc import Sequence
from itertools import chain
from typing import Any, Final

from pipeline.domain.payload import PayloadT
from pipeline.reactions.effects import FollowUp
from pipeline.reactions.events import ReactionEvent
from pipeline.reactions.facts import Answers, Question
from pipeline.reactions.handler import ReactionHandler
from pipeline.reactions.outcome import Done, GaveUp, ReactionOutcome

# The longest chain of events that cause each other. More is a circle.
MOST_DEPTH: Final = 8


def questions_of(
    asked: Sequence[tuple[ReactionHandler[Any], ReactionEvent[Any]]],
) -> frozenset[Question]:
    """Return what the handlers of a batch need to know."""
    return frozenset(chain.from_iterable(handler.questions(event) for handler, event in asked))


def outcome_of(
    handler: ReactionHandler[PayloadT], event: ReactionEvent[PayloadT], answers: Answers
) -> ReactionOutcome:
    """Return what follows from an event; ``GaveUp`` if a chain of follow-ups is too long."""
    outcome = handler.react(event, answers)
    if event.depth < MOST_DEPTH or not isinstance(outcome, Done):
        return outcome
    if any(isinstance(each, FollowUp) for each in outcome.effects):
        return GaveUp(reason=f"a chain of follow-ups has more than {MOST_DEPTH} events")
    return outcome
