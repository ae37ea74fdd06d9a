"""Decides one event of reactions: a handler, a payload and answers in, ``Reacted`` out.

    reacted = when(HANDLER, {"orderId": ORDER})
    assert reacted.only(Task).priority is Priority.HIGH

The payload passes the decoder of the pipeline, and the handler is asked as the pipeline asks it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import UTC, datetime, timedelta
from typing import Any, Final, TypeVar
from uuid import UUID

import orjson

from pipeline.domain.errors import PermanentError
from pipeline.reactions.ask import outcome_of, questions_of
from pipeline.reactions.effects import Reaction
from pipeline.reactions.events import ReactionEvent
from pipeline.reactions.facts import Answers, Question
from pipeline.reactions.handler import ReactionHandler
from pipeline.reactions.identifiers import ReactionId
from pipeline.reactions.outcome import Done, GaveUp, ReactionOutcome, RetryAt
from pipeline.reactions.row import ReactionRow, decode_reaction

# When the event of a test was written, and its id.
AT: Final = datetime(2026, 3, 2, 12, tzinfo=UTC)
EVENT: Final = ReactionId(UUID("e0000000-0000-4000-8000-000000000001"))

EffectT = TypeVar("EffectT")
OutcomeT = TypeVar("OutcomeT", Done, RetryAt, GaveUp)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reacted:
    """What follows from one event.

    Attributes:
        event: as the handler got it.
        wanted: whether the handler wants it. If not, it is done with nothing.
        questions: what the handler asked.
        outcome: what the handler answered.
    """

    event: ReactionEvent[Any]
    wanted: bool
    questions: frozenset[Question]
    outcome: ReactionOutcome

    @property
    def effects(self) -> Mapping[str, Reaction]:
        """All that follows, by name.

        Raises:
            AssertionError: the handler said *not yet* or *never*.
        """
        return {each.name: each for each in self._outcome(Done).effects}

    def only(self, kind: type[EffectT], name: str | None = None) -> EffectT:
        """Return the one effect of a kind, or the one of a kind and a name.

        Raises:
            AssertionError: there is none, or more than one.
        """
        found = [
            each
            for each in self.effects.values()
            if isinstance(each, kind) and name in (None, each.name)
        ]
        if len(found) != 1:
            raise AssertionError(
                f"{len(found)} effects of the kind {kind.__name__}: {list(self.effects.values())}"
            )
        return found[0]

    @property
    def gave_up(self) -> str:
        """The reason for which no try can help.

        Raises:
            AssertionError: the handler did not give up.
        """
        return self._outcome(GaveUp).reason

    @property
    def asks_again_after(self) -> timedelta:
        """How long after the event the handler is to be asked again.

        Raises:
            AssertionError: the handler did not say *not yet*.
        """
        return self._outcome(RetryAt).at - self.event.created_at

    def _outcome(self, kind: type[OutcomeT]) -> OutcomeT:
        if isinstance(self.outcome, kind):
            return self.outcome
        raise AssertionError(f"the outcome is not {kind.__name__}: {self.outcome}")


def when(
    handler: ReactionHandler[Any],
    payload: Mapping[str, Any],
    answers: Answers | None = None,
    *,
    event_id: ReactionId = EVENT,
    created_at: datetime = AT,
    depth: int = 0,
    aggregate: tuple[str, UUID] | None = None,
    metadata: Mapping[str, Any] | None = None,
) -> Reacted:
    """Decide one event.

    Args:
        handler: the handler of its type, or the one that a route names.
        payload: as a producer sends it. A value that is not JSON, such as a UUID, is sent as its
            text.
        answers: to the questions of the handler. A question without one found nothing.
        event_id: the id of the event.
        created_at: when it was written.
        depth: the number of events before it in a chain of follow-ups.
        aggregate: the kind and the id of the thing that it is about.
        metadata: of the caller.

    Raises:
        InvalidRow: the payload is invalid. In the pipeline the event is dead.
        TypeError: an answer is to a question that the handler does not ask, or an effect has
            what cannot be stored as JSON.
    """
    event = decode_reaction(
        ReactionRow(
            id=event_id,
            type=handler.event_type,
            created_at=created_at,
            aggregate_type=aggregate and aggregate[0],
            aggregate_id=aggregate and aggregate[1],
            payload=orjson.dumps(payload, default=str).decode(),
            metadata=None if metadata is None else orjson.dumps(metadata, default=str).decode(),
            version=1,
        ),
        handler.payload,
        depth,
    )
    known = answers or Answers()
    if not handler.wants(event):
        return Reacted(event=event, wanted=False, questions=frozenset(), outcome=Done())
    questions = questions_of(handler, event)
    if unasked := _answered(known) - questions:
        raise TypeError(f"the handler does not ask {', '.join(map(repr, unasked))}")
    outcome = outcome_of(handler, event, known)
    if isinstance(outcome, Done):
        orjson.dumps(outcome.effects)
    return Reacted(event=event, wanted=True, questions=questions, outcome=outcome)


def refused(handler: ReactionHandler[Any], payload: Mapping[str, Any]) -> str:
    """Return why a payload is refused: the event would be dead, with this reason.

    Raises:
        AssertionError: it is accepted.
    """
    try:
        when(handler, payload)
    except PermanentError as error:
        return str(error)
    raise AssertionError("the payload is accepted")


def _answered(answers: Answers) -> frozenset[Question]:
    return frozenset(
        question for each in fields(answers) for question in getattr(answers, each.name)
    )
