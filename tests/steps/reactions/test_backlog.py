"""Events from before the pipeline: found once, page by page, whoever looks for them."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from uuid import UUID

import pytest

from pipeline.steps.reactions.claim import ReactionClaims
from tests.deadline import wait_until
from tests.steps.reactions.board import Board
from tests.steps.reactions.test_reactions import VERIFIED


def old_events(board: Board, count: int, event_type: str = "user.verified") -> list[UUID]:
    board.execute("ALTER TABLE reactions.events ALTER COLUMN sequence DROP IDENTITY")
    board.execute("ALTER TABLE reactions.events ALTER COLUMN sequence DROP NOT NULL")
    ids = [board.event(event_type, VERIFIED) for _ in range(count)]
    board.execute("ALTER TABLE reactions.events ALTER COLUMN sequence SET DEFAULT 1")
    return ids


def test_all_pages_are_found_before_anything_is_claimed_the_oldest_first(board: Board) -> None:
    old = old_events(board, 5)
    fresh = board.event("user.verified", VERIFIED)
    # Those of the last page are the oldest.
    board.execute(
        "UPDATE reactions.events AS event SET created_at = now() - place * interval '1 hour'"
        " FROM unnest(%s::uuid[]) WITH ORDINALITY AS old (id, place) WHERE event.id = old.id",
        sorted(old),
    )
    leases = ReactionClaims(board.reactor(), backlog_page=2).claim([fresh])
    claimed = [each.values["event_id"] for each in leases]
    assert claimed == [*sorted(old, reverse=True), fresh]


@pytest.mark.parametrize("closes", [True, False], ids=["close", "park"])
def test_an_old_event_without_a_handler_is_closed_only_if_asked_for(
    board: Board, *, closes: bool
) -> None:
    [event_id] = old_events(board, 1, "moon.rose")
    assert ReactionClaims(replace(board.reactor(), closes_unrouted=closes)).claim() == []
    assert board.state(event_id)[0] == "unrouted"
    assert board.rows("SELECT processed FROM reactions.events") == [(closes,)]


def test_who_finds_another_worker_at_it_goes_on_when_that_one_is_gone(board: Board) -> None:
    old = old_events(board, 3)
    claims = ReactionClaims(board.reactor(), backlog_page=2)
    with board.database.connect() as other, ThreadPoolExecutor() as threads:
        with other.transaction(force_rollback=True):
            other.execute("SELECT FROM fanout.reaction_backlog FOR UPDATE")
            waiting = threads.submit(claims.claim)
            wait_until(
                lambda: board.rows("SELECT FROM pg_locks WHERE NOT granted"),
                seconds=30,
                what="the claim waits for the other worker",
            )
        leases = waiting.result()
    assert {each.values["event_id"] for each in leases} == set(old)
