"""Ask a handler about an event, once for each try."""

from typing import Final

from pipeline.domain.payload import PayloadT
from pipeline.reactions.effects import FollowUp
from pipeline.reactions.events import ReactionEvent
from pipeline.reactions.facts import Answers
from pipeline.reactions.handler import ReactionHandler
from pipeline.reactions.outcome import Done, GaveUp, ReactionOutcome

# The longest chain of events that cause each other. More is a circle.
MOST_DEPTH: Final = 8


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
