"""The view in the shape of the original: dead events, and those without a handler."""

from typing import Any

import psycopg
import pytest

from pipeline.domain.identifiers import EventType
from pipeline.reactions.handlers.registry import reaction_handlers
from tests.steps.reactions.board import Board, one
from tests.steps.reactions.test_reactions import Falls

ORIGINAL = (
    "id, event_id, event_type, payload, error_message, retry_count, original_created_at, created_at"
)


@pytest.fixture
def dead(board: Board) -> tuple[Board, Any]:
    board.handlers = reaction_handlers([Falls()])
    event = board.event(str(EventType("test.fails")), {"userId": "x"}, metadata={"corr": "c2"})
    for _ in range(5):
        board.process(event)
        board.later(1000)
    assert board.state(event) == ("dead", 5, 5)
    return board, event


def test_an_event_that_failed_five_times_is_one_row(dead: tuple[Board, Any]) -> None:
    board, event = dead
    [row] = board.rows(
        f"SELECT {ORIGINAL}, metadata FROM reactions.event_dead_letters"  # noqa: S608
    )
    _, event_id, event_type, payload, error, tries, written_at, dead_at, metadata = row
    assert (event_id, event_type, payload, tries) == (event, "test.fails", {"userId": "x"}, 5)
    assert "Falls" in error
    assert "'x'" not in error
    assert written_at <= dead_at
    assert metadata == {"corr": "c2"}
    assert one(board.rows("SELECT metadata FROM reactions.events")) == {"corr": "c2"}
    again = board.rows("SELECT id FROM reactions.event_dead_letters")
    assert again == [row[:1]]


def test_an_event_without_a_handler_is_in_it_and_a_done_one_is_not(board: Board) -> None:
    unknown = board.event("moon.rose", {})
    board.event("user.verified", {"userId": "00000000-0000-4000-8000-00000000000a"})
    board.process()
    rows = board.rows("SELECT event_id, error_message, state FROM reactions.event_dead_letters")
    assert rows == [(unknown, "no handler for this event type", "unrouted")]


def test_a_letter_that_a_person_resolved_leaves_it(dead: tuple[Board, Any]) -> None:
    board, event = dead
    board.execute(
        "INSERT INTO event_dead_letters (letter_key, stage, error_class, message, fingerprint)"
        " VALUES ('events:' || %s, 'react', 'HandlerError', 'boom', 'f00d')"
        " ON CONFLICT (letter_key) DO NOTHING",
        event,
    )
    assert len(board.rows("SELECT FROM reactions.event_dead_letters")) == 1
    board.execute("UPDATE event_dead_letters SET resolved_at = now()")
    assert board.rows("SELECT FROM reactions.event_dead_letters") == []


def as_role(dsn: str, columns: str) -> list[tuple[Any, ...]]:
    with psycopg.connect(dsn, autocommit=True) as connection:
        return connection.execute(
            f"SELECT {columns} FROM reactions.event_dead_letters"  # noqa: S608
        ).fetchall()


def test_an_operator_reads_it_whole_and_a_viewer_without_the_payload(
    dead: tuple[Board, Any],
) -> None:
    board, event = dead
    assert len(as_role(board.database.operator_dsn, ORIGINAL)) == 1
    viewer = board.database.viewer_dsn
    assert as_role(viewer, "event_id, error_message")[0][0] == event
    for column in ("payload", "metadata"):
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            as_role(viewer, column)


def test_it_reads_the_table_that_took_the_place_of_the_first(dead: tuple[Board, Any]) -> None:
    board, _ = dead
    board.execute("CREATE TABLE public.events AS SELECT * FROM reactions.events")
    board.execute("UPDATE public.events SET payload = '{\"other\": 1}'")
    board.execute("ALTER TABLE reactions.events RENAME TO events_before")
    board.execute("CREATE VIEW reactions.events AS SELECT * FROM public.events")
    payload = "SELECT payload FROM reactions.event_dead_letters"
    assert one(board.rows(payload)) == {"userId": "x"}
    board.execute("SELECT reactions.make_event_dead_letters()")
    assert one(board.rows(payload)) == {"other": 1}
    board.execute("DROP TABLE reactions.events_before")


def test_a_table_of_this_name_stays(board: Board) -> None:
    board.execute("DROP VIEW reactions.event_dead_letters")
    board.execute("CREATE TABLE reactions.event_dead_letters (id uuid)")
    board.execute("SELECT reactions.make_event_dead_letters()")
    assert board.rows("SELECT id FROM reactions.event_dead_letters") == []
