"""Golden cases of reactions through the real graph, on a database without tables of others."""

import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar

import pytest

from pipeline.domain.errors import ConfigurationError
from pipeline.domain.identifiers import EventType
from pipeline.ops.reactions.replay import replay_reactions
from pipeline.ops.replay.selector import Selector
from pipeline.reactions.camel import CamelPayload
from pipeline.reactions.effects import FollowUp, Task
from pipeline.reactions.events import ReactionEvent
from pipeline.reactions.facts import Answers
from pipeline.reactions.handler import ReactionHandler
from pipeline.reactions.handlers.registry import reaction_handlers
from pipeline.reactions.outcome import Done, done
from pipeline.settings import DatabaseSettings
from pipeline.steps.reactions.claim import ReactionClaims
from tests.databases import Databases
from tests.reactions.asking import AMARA
from tests.steps.reactions.board import Board, one

VERIFIED = {"userId": str(AMARA)}
CANARY = "canary-7f3a"


class Spoken(CamelPayload):
    """Any payload."""

    word: str | None = None


class Fails(ReactionHandler[Spoken]):
    """Raises until it is repaired, with an error that has no message of its own."""

    event_type = EventType("test.fails")
    payload = Spoken
    repaired: ClassVar[bool] = False

    def react(self, event: ReactionEvent[Spoken], answers: Answers) -> Done:  # noqa: ARG002
        if not self.repaired:
            raise RuntimeError({"secret": event.payload.word})
        return done()


class Repaired(Fails):
    """Raises no more."""

    repaired = True


class Works(ReactionHandler[Spoken]):
    """Makes a task, and an event that no handler knows."""

    event_type = EventType("test.works")
    payload = Spoken

    def react(self, event: ReactionEvent[Spoken], answers: Answers) -> Done:  # noqa: ARG002
        task = Task(
            name="task", task_type="look", agent_type="tests", scheduled_for=event.created_at
        )
        return done(task, FollowUp(name="next", type=EventType("test.next"), payload={}))


@pytest.fixture
def board(databases: Databases) -> Iterator[Board]:
    with databases.with_reactions() as database:
        board = Board(database, reaction_handlers([Fails(), Works()]))
        yield board
        board.close()


def results(board: Board) -> list[str]:
    return [r for (r,) in board.rows("SELECT result FROM fanout.attempts ORDER BY number")]


def letters(board: Board) -> list[tuple[Any, ...]]:
    return board.rows(
        "SELECT letter_key, event_type, stage, error_class, attempt, resolved_at IS NULL"
        " FROM event_dead_letters ORDER BY id"
    )


def test_f12_f14_f21_an_event_that_always_fails_is_tried_five_times_and_is_one_dead_letter(
    board: Board,
) -> None:
    event_id = board.event("test.fails", {"word": CANARY}, metadata={"corr": "c2"})
    due = "SELECT extract(epoch FROM next_attempt_at - now())::float FROM fanout.reactions"
    waits: list[float] = []
    for number in range(1, 5):
        board.run(event_id)
        assert board.state(event_id) == ("waiting", number, number)
        assert letters(board) == []
        waits.append(one(board.rows(due)))
        board.later(waits[-1] + 1)
    board.run(event_id)
    # At T0, and after 10, 30, 70 and 150 seconds: the pauses double.
    assert [round(wait / 10) for wait in waits] == [1, 2, 4, 8]
    assert board.state(event_id) == ("dead", 5, 5)
    assert letters(board) == [
        (f"events:{event_id}", "test.fails", "react", "HandlerFailed", 1, True)
    ]
    [row] = board.rows(
        "SELECT event_id, event_type, payload, retry_count, metadata, error_message"
        " FROM reactions.event_dead_letters"
    )
    assert row[:5] == (event_id, "test.fails", {"word": CANARY}, 5, {"corr": "c2"})
    closed = "SELECT processed, metadata FROM reactions.events"
    assert board.rows(closed) == [(True, {"corr": "c2"})]
    assert results(board) == ["failed"] * 4 + ["dead"]
    # Class, code and text, though the error has no message; and no value of the event.
    told = board.rows("SELECT DISTINCT error_class, code, reason FROM fanout.attempts")
    [(error_class, code, reason)] = told
    assert (error_class, code) == ("HandlerFailed", "RuntimeError")
    assert reason.startswith("Fails raised RuntimeError at test_reactions.py")
    assert row[5] == reason
    assert CANARY not in str(told)


def test_f13_with_one_try_the_first_failure_is_the_last(board: Board) -> None:
    event_id = board.event("test.fails", {})
    board.run(event_id, tries=1)
    assert board.state(event_id) == ("dead", 1, 1)
    with pytest.raises(ConfigurationError, match="expected 1 or more"):
        board.reactor(tries=0)


def test_f15_what_succeeds_at_the_third_try_shows_two_failures(board: Board) -> None:
    event_id = board.event("test.fails", {})
    for _ in range(2):
        board.run(event_id)
        board.later(100)
    board.handlers = reaction_handlers([Repaired()])
    board.run(event_id)
    assert board.state(event_id) == ("done", 3, 2)
    assert results(board) == ["failed", "failed", "done"]
    assert letters(board) == []


def test_f17_events_that_fail_do_not_hold_up_a_healthy_one(board: Board) -> None:
    poison = [board.event("test.fails", {}) for _ in range(20)]
    healthy = board.event("test.works", {})
    board.run(*poison, healthy)
    assert board.state(healthy) == ("done", 1, 0)
    assert one(board.rows("SELECT max(attempts) FROM fanout.reactions")) == 1


@pytest.mark.parametrize("closes", [False, True], ids=["parked", "closed as before"])
def test_f18_an_event_of_an_unknown_type_is_parked_or_closed(
    board: Board, caplog: pytest.LogCaptureFixture, *, closes: bool
) -> None:
    unknown, known = board.event("order.shipped", {}), board.event("test.works", {})
    board.run(unknown, known, closes_unrouted=closes)
    states = "SELECT event_type, state, attempts FROM fanout.reactions ORDER BY event_type"
    assert board.rows(states) == [
        *(("order.shipped", "unrouted", 0), ("test.next", "unrouted", 0), ("test.works", "done", 1))
    ]
    processed = "SELECT event_type, processed FROM reactions.events ORDER BY event_type"
    assert board.rows(processed) == [
        *(("order.shipped", closes), ("test.next", closes), ("test.works", True))
    ]
    seen = "SELECT event_type FROM reactions.event_dead_letters ORDER BY event_type"
    assert board.rows(seen) == [("order.shipped",), ("test.next",)]
    what = "closed without an effect" if closes else "parked"
    assert f"1 event without a handler for its type: {what}" in caplog.text


def test_f40_f42_a_large_event_that_comes_three_times_is_processed_once(board: Board) -> None:
    event_id = board.event("test.works", {"word": "x" * 9_000})
    for _ in range(3):
        board.run(event_id, event_id, event_id)
    assert len(board.tasks()) == 1
    assert results(board) == ["done"]


def test_an_event_that_postgres_rejects_is_a_dead_letter_and_the_others_are_written(
    board: Board,
) -> None:
    good = [board.event("test.works", {}) for _ in range(6)]
    bad = board.event("test.works", {}, created_at=datetime(9999, 12, 30, tzinfo=UTC))
    board.execute("ALTER TABLE reactions.agent_tasks ADD CHECK (scheduled_for < '9000-01-01')")
    board.run(bad, *good)
    assert board.state(bad) == ("dead", 1, 1)
    assert {board.state(each) for each in good} == {("done", 1, 0)}
    assert letters(board) == [
        (f"events:{bad}", "test.works", "write", "RejectedByDatabase", 1, True)
    ]


def test_a_dead_letter_that_cannot_be_written_concerns_its_event_alone(board: Board) -> None:
    # Without a second try each of them is dead at once.
    fails = [board.event("test.fails", {}) for _ in range(3)]
    works = board.event("test.works", {})
    board.execute(f"ALTER TABLE event_dead_letters ADD CHECK (letter_key <> 'events:{fails[1]}')")
    board.run(works, *fails, tries=1)
    assert {board.state(each) for each in fails} == {("dead", 1, 1)}
    assert board.state(works) == ("done", 1, 0)
    assert [key for key, *_ in letters(board)] == [f"events:{fails[0]}", f"events:{fails[2]}"]


def test_events_from_before_the_pipeline_are_found_once_in_their_order(board: Board) -> None:
    board.execute("ALTER TABLE reactions.events ALTER COLUMN sequence DROP IDENTITY")
    board.execute("ALTER TABLE reactions.events ALTER COLUMN sequence DROP NOT NULL")
    old = [
        board.event("test.works", {}, created_at=datetime(2026, 3, 1, tzinfo=UTC) - age)
        for age in (timedelta(days=1), timedelta(days=3), timedelta(days=2))
    ]
    before = board.event("test.works", {}, processed=True)
    board.execute("ALTER TABLE reactions.events ALTER COLUMN sequence SET DEFAULT 1")
    claimed = [each.values["event_id"] for each in ReactionClaims(board.reactor()).claim()]
    assert claimed == [old[1], old[2], old[0]]
    board.later(60)
    board.run()
    # It was done by whoever was there before; to open it again is no replay.
    board.execute("UPDATE reactions.events SET processed = false WHERE id = %s", before)
    board.run(before)
    assert len(board.tasks()) == 3
    assert board.rows("SELECT finished_at IS NOT NULL FROM fanout.reaction_backlog") == [(True,)]


def test_f19_a_replay_with_null_metadata_begins_anew_and_says_who_asked(board: Board) -> None:
    event = board.event("test.fails", {}, metadata=None)
    board.run(event, tries=1)
    assert board.state(event) == ("dead", 1, 1)
    done = replay_reactions(
        DatabaseSettings(dsn=board.database.operator_dsn),
        Selector(events=(event,)),
        threading.Event(),
        topic=None,
        rate=10_000,
        note="the handler is repaired",
        handlers=board.handlers or {},
    )
    assert board.state(event) == ("pending", 1, 0)
    assert board.rows("SELECT id, who, note FROM fanout_replays") == [
        (done.id, "test_operator", "the handler is repaired")
    ]
    board.handlers = reaction_handlers([Repaired()])
    board.run(event)
    assert board.state(event) == ("done", 2, 0)
    assert board.rows("SELECT processed, metadata FROM reactions.events") == [(True, None)]
    assert results(board) == ["dead", "done"]
