"""Handlers with a bug: their own events fail, and the others of the batch are processed."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import cast

import pytest

from pipeline.domain.clock import utc_now
from pipeline.domain.identifiers import EventType
from pipeline.reactions.effects import AuditEntry
from pipeline.reactions.events import ReactionEvent
from pipeline.reactions.facts import Answers, HoldersOf, Question
from pipeline.reactions.handler import ReactionHandler
from pipeline.reactions.handlers.registry import reaction_handlers
from pipeline.reactions.outcome import ReactionOutcome, RetryAt, done
from tests.steps.reactions.board import Board
from tests.steps.reactions.test_reactions import Anything


def noting(value: object) -> ReactionOutcome:
    """Return an effect with this value in it."""
    return done(AuditEntry(name="note", action="noted", agent_type="test", data={"value": value}))


@dataclass
class Answering(ReactionHandler[Anything]):
    """Has one answer."""

    event_type = EventType("test.answering")
    payload = Anything
    answer: ReactionOutcome

    def react(self, event: ReactionEvent[Anything], answers: Answers) -> ReactionOutcome:
        return self.answer


@dataclass
class Choosy(Answering):
    """Fails before it is asked."""

    def wants(self, event: ReactionEvent[Anything]) -> bool:
        raise RuntimeError


class Asking(Answering):
    """Asks what Postgres rejects."""

    def questions(self, event: ReactionEvent[Anything]) -> Iterable[Question]:
        return [HoldersOf("\x00", event.id)]


class Sound(Answering):
    """Another handler."""

    event_type = EventType("test.sound")

    def questions(self, event: ReactionEvent[Anything]) -> Iterable[Question]:
        return [HoldersOf("thing", event.id)]


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
        pytest.param(Choosy(done()), ("waiting", 1, 1), id="wants raises"),
        pytest.param(Asking(done()), ("dead", 1, 1), id="question that is rejected"),
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
