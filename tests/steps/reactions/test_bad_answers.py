"""Handlers with a bug: their own events fail, and the others of the batch are processed."""

import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Final, cast
from uuid import uuid4

import pytest

from pipeline.domain.clock import utc_now
from pipeline.domain.identifiers import EventType, UserId
from pipeline.reactions.effects import AuditEntry
from pipeline.reactions.events import ReactionEvent
from pipeline.reactions.facts import ActiveConversation, Answers, HoldersOf, Question
from pipeline.reactions.handler import ReactionHandler
from pipeline.reactions.handlers.registry import reaction_handlers
from pipeline.reactions.outcome import Done, GaveUp, ReactionOutcome, RetryAt, done
from tests.steps.reactions.board import Board
from tests.steps.reactions.test_reactions import Anything


def noting(value: object) -> ReactionOutcome:
    """Return an effect with this value in it."""
    return done(AuditEntry(name="note", action="noted", agent_type="test", data={"value": value}))


@dataclass
class Answering(ReactionHandler[Anything]):
    """Has one answer, and asks the same whatever the event."""

    event_type = EventType("test.answering")
    payload = Anything
    answer: ReactionOutcome
    asks: Sequence[Question] = ()

    def questions(self, event: ReactionEvent[Anything]) -> Iterable[Question]:
        return self.asks

    def react(self, event: ReactionEvent[Anything], answers: Answers) -> ReactionOutcome:
        return self.answer


@dataclass
class Choosy(Answering):
    """Fails before it is asked."""

    def wants(self, event: ReactionEvent[Anything]) -> bool:
        raise RuntimeError


class Leaving(Answering):
    """Ends its process."""

    def react(self, event: ReactionEvent[Anything], answers: Answers) -> ReactionOutcome:
        sys.exit(3)


class Sound(Answering):
    """Another handler."""

    event_type = EventType("test.sound")

    def questions(self, event: ReactionEvent[Anything]) -> Iterable[Question]:
        return [HoldersOf("thing", event.id)]


NOTE: Final = AuditEntry(name="note", action="noted", agent_type="test", data={})
# Made without the helper that looks at the names.
TWICE: Final = Done((NOTE, NOTE))
WITHOUT_ZONE: datetime = utc_now().replace(tzinfo=None)


@pytest.mark.parametrize(
    ("handler", "state"),
    [
        pytest.param(Answering(noting(Decimal(1))), ("dead", 1, 1), id="not JSON"),
        pytest.param(Answering(noting(2**64)), ("dead", 1, 1), id="number too large"),
        pytest.param(
            Answering(RetryAt(at=WITHOUT_ZONE, reason="later")),
            ("waiting", 1, 1),
            id="time without zone",
        ),
        pytest.param(Answering(cast("ReactionOutcome", None)), ("waiting", 1, 1), id="no answer"),
        pytest.param(
            Answering(GaveUp(reason=cast("str", 7))), ("waiting", 1, 1), id="reason no text"
        ),
        pytest.param(
            Answering(RetryAt(at=utc_now(), reason=cast("str", None))),
            ("waiting", 1, 1),
            id="no reason",
        ),
        pytest.param(
            Answering(GaveUp(reason="\ud800")), ("waiting", 1, 1), id="reason that is not UTF-8"
        ),
        pytest.param(Answering(TWICE), ("waiting", 1, 1), id="two effects with one name"),
        pytest.param(
            Answering(done(), [cast("Question", "who?")]), ("waiting", 1, 1), id="no question"
        ),
        pytest.param(
            Answering(done(), [ActiveConversation(cast("UserId", 7))]),
            ("dead", 1, 1),
            id="question about a number",
        ),
        pytest.param(
            Answering(done(), [HoldersOf("\ud800", uuid4())]),
            ("dead", 1, 1),
            id="question that is not UTF-8",
        ),
        pytest.param(
            Answering(done(), [HoldersOf("\x00", uuid4())]),
            ("dead", 1, 1),
            id="question that is rejected",
        ),
        pytest.param(Leaving(done()), ("waiting", 1, 1), id="ends its process"),
        pytest.param(Choosy(done()), ("waiting", 1, 1), id="wants raises"),
        pytest.param(Answering(noting(1)), ("done", 1, 0), id="control"),
    ],
)
def test_what_is_wrong_with_an_answer_costs_the_others_nothing(
    board: Board, handler: Answering, state: tuple[str, int, int]
) -> None:
    board.handlers = reaction_handlers([handler, Sound(noting(1))])
    wrong, sound = board.event("test.answering", {}), board.event("test.sound", {})
    assert board.process() == 2
    assert board.state(wrong) == state
    assert board.state(sound) == ("done", 1, 0)
