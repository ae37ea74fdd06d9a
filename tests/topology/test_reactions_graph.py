"""The graph of reactions as a process, on a database that has no table of another family."""

import json
from collections.abc import Iterator
from pathlib import Path
from uuid import UUID, uuid4

import pytest

from pipeline.domain.message import ID_ATTRIBUTE, Message
from pipeline.ops.routes.routes import add_route
from pipeline.reactions.handlers import REACTION_HANDLERS
from pipeline.settings import DatabaseSettings
from tests.databases import Databases
from tests.deadline import wait_until
from tests.steps.reactions.board import Board, one
from tests.streams import Broker, Stream

CANARY = "canary-7f3a"
AMARA = "00000000-0000-4000-8000-00000000000a"


@pytest.fixture
def board(databases: Databases) -> Iterator[Board]:
    with databases.with_reactions() as database:
        board = Board(database)
        yield board
        board.close()


def stream_of(board: Board, events: Broker, log: Path, *flags: str) -> Stream:
    dsn = board.database.reactions_dsn
    return Stream(events, dsn, log, *("--graph", "reactions", *flags))


def wake_up(event_id: UUID) -> Message:
    return Message(b"", {ID_ATTRIBUTE: str(event_id), "dedup_id": str(event_id)})


def states(board: Board) -> list[str]:
    return [state for (state,) in board.rows("SELECT state FROM fanout.reactions ORDER BY 1")]


def test_what_follows_is_written_and_what_is_dead_is_published_once(
    board: Board, events: Broker, tmp_path: Path
) -> None:
    operator = DatabaseSettings(dsn=board.database.operator_dsn)
    add_route(operator, "member.checked", "handler:user.verified", REACTION_HANDLERS)
    stream = stream_of(board, events, tmp_path / "log")
    with stream:
        verified = board.event("user.verified", {"userId": AMARA})
        # F42: the message carries an id, however large the payload is.
        large = board.event("user.verified", {"userId": AMARA, "note": CANARY * 900})
        # F14 and F21: without the fields that its type needs.
        invalid = board.event("user.verified", {"userId": CANARY}, metadata={"corr": "c2"})
        # F18: parked, and not closed.
        unknown = board.event("order.shipped", {"note": CANARY})
        # It goes the way of the handler that its route names.
        routed = board.event("member.checked", {"userId": AMARA})
        # F40: each comes three times, with messages that name nothing.
        ids = (verified, large, invalid, unknown, routed, uuid4())
        events.publish([wake_up(each) for each in ids * 3])
        events.publish([Message(CANARY.encode(), {"id": CANARY}), Message(b"x", {})])
        wait_until(lambda: len(states(board)) == 5, seconds=30, what="all have been found")
        wait_until(
            lambda: states(board) == ["dead", "done", "done", "done", "unrouted"],
            seconds=30,
            what="all have ended",
        )
        wait_until(events.is_drained, seconds=30, what="the messages are acknowledged")
        assert stream.stop() == 0
    assert len(board.tasks()) == 3
    closed = "SELECT id, processed, metadata FROM reactions.events ORDER BY sequence"
    assert board.rows(closed) == [
        *((verified, True, None), (large, True, None)),
        *((invalid, True, {"corr": "c2"}), (unknown, False, None), (routed, True, None)),
    ]
    letters = board.rows(
        "SELECT letter_key, event_type, stage, error_class, attempt FROM event_dead_letters"
    )
    assert letters == [(f"events:{invalid}", "user.verified", "decode", "InvalidEvent", 1)]
    [published] = events.dead_letters()
    assert published.attributes["dead_letter_key"] == f"events:{invalid}"
    assert published.attributes["dead_letter_stage"] == "decode"
    assert board.rows("SELECT graph FROM fanout.graphs") == [("reactions",)]
    told = stream.log + str(letters) + str(published)
    assert CANARY not in told


def test_a_dry_run_prints_what_would_follow_and_writes_nothing(
    board: Board, events: Broker, tmp_path: Path
) -> None:
    operator = DatabaseSettings(dsn=board.database.operator_dsn)
    route = add_route(operator, "member.checked", "nobody", REACTION_HANDLERS)
    routed = board.event("member.checked", {})
    verified = board.event("user.verified", {"userId": AMARA})
    invalid = board.event("user.verified", {})
    unknown = board.event("order.shipped", {})
    out = tmp_path / "log.out"
    with stream_of(board, events, tmp_path / "log", "--dry-run") as stream:
        wait_until(lambda: out.read_text().count("\n") == 4, seconds=30, what="all are shown")
        assert stream.stop() == 0
    shown = {each["event_id"]: each for each in map(json.loads, out.read_text().splitlines())}
    assert shown[str(verified)]["effects"] == {"Task": 1}
    assert shown[str(invalid)]["status"] == "dead"
    assert shown[str(unknown)]["status"] == "unrouted"
    assert shown[str(routed)]["reason"] == f"route {route.id}: to nobody"
    assert states(board) == []
    assert board.tasks() == []
    assert one(board.rows("SELECT count(*) FROM event_dead_letters")) == 0
    assert board.rows("SELECT FROM fanout.graphs") == []


def test_a_database_without_reactions_is_refused_with_what_to_do(
    board: Board, events: Broker, tmp_path: Path
) -> None:
    board.execute("ALTER TABLE fanout.reaction_backlog RENAME TO no_backlog")
    with stream_of(board, events, tmp_path / "log") as stream:
        assert stream.process.wait(30) == 1
    assert "run: python -m pipeline migrate --family reactions" in stream.log
