"""Ask a handler about an event, once for each try."""

from pipeline.domain.payload import PayloadT
from pipeline.reactions.effects import FollowUp
from pipeline.reactions.events import MOST_DEPTH, ReactionEvent
from pipeline.reactions.facts import Answers, Question
from pipeline.reactions.handler import ReactionHandler
from pipeline.reactions.outcome import Done, GaveUp, ReactionOutcome, RetryAt, done_with


def questions_of(
    handler: ReactionHandler[PayloadT], event: ReactionEvent[PayloadT]
) -> frozenset[Question]:
    """Return what a handler needs to know.

    Raises:
        TypeError: something of it is not a question. The batch would be asked it too.
    """
    questions = frozenset(handler.questions(event))
    if not all(isinstance(each, Question) for each in questions):
        raise TypeError("invalid question: expected one of pipeline/reactions/facts.py")
    return questions


def outcome_of(
    handler: ReactionHandler[PayloadT], event: ReactionEvent[PayloadT], answers: Answers
) -> ReactionOutcome:
    """Return what follows from an event; ``GaveUp`` if a chain of follow-ups is too long.

    Raises:
        TypeError: a reason is not a text.
        ValueError: a reason cannot be written as UTF-8, or two effects have one name.
    """
    outcome = _checked(handler.react(event, answers))
    if event.depth < MOST_DEPTH or not isinstance(outcome, Done):
        return outcome
    if any(isinstance(each, FollowUp) for each in outcome.effects):
        return GaveUp(reason=f"a chain of follow-ups has more than {MOST_DEPTH} events")
    return outcome


def _checked(outcome: ReactionOutcome) -> ReactionOutcome:
    """Return the outcome. What is wrong with it is raised here, where it concerns one event."""
    if isinstance(outcome, Done):
        return done_with(outcome.effects)
    if isinstance(outcome, RetryAt | GaveUp):
        if not isinstance(outcome.reason, str):
            raise TypeError("the reason of a handler is not a text")
        outcome.reason.encode()
    return outcome
