"""An event that ends its workers is tried alone, and is dead at last; its neighbours go on."""

import os
from signal import SIGKILL
from typing import Final
from uuid import UUID

import psycopg
import pytest

from pipeline.domain.errors import FanoutError
from pipeline.steps.reactions.claim import ReactionClaims
from pipeline.steps.reactions.suspect import IS_FIRST, MOST_LOSSES, is_suspect
from pipeline.steps.reactions.table import SUSPECTS
from tests.effort import effort
from tests.programs import Program
from tests.steps.reactions.board import Board
from tests.steps.reactions.killer import HANDLERS, run

LEASE_SECONDS = 31
FEW_ROWS: Final = 1_000


@pytest.fixture
def watched(board: Board) -> Board:
    board.handlers = HANDLERS
    return board


def work(board: Board) -> int:
    environment = os.environ | {"DATABASE_URL": board.database.reactions_dsn}
    with Program("tests.steps.reactions.killer", environment=environment) as program:
        return program.wait(120)


def events(board: Board, event_type: str, number: int) -> list[UUID]:
    return [board.event(event_type, {}) for _ in range(number)]


def states(board: Board, ids: list[UUID]) -> set[str]:
    return {board.state(each)[0] for each in ids}


def rounds(board: Board, number: int) -> list[int]:
    """Start so many workers one after the other, each when the leases of the last have ended."""
    ends = []
    for _ in range(number):
        ends.append(work(board))
        board.later(LEASE_SECONDS)
    return ends


def test_what_ends_its_workers_is_dead_at_last_and_its_neighbours_are_done(watched: Board) -> None:
    deadly = watched.event("test.deadly", {})
    neighbours = events(watched, "test.harmless", 3)
    # Twice it takes its neighbours along, and once it is the first one that is tried alone.
    assert rounds(watched, 3) == [-SIGKILL] * 3
    assert states(watched, [deadly, *neighbours]) == {"leased"}
    assert rounds(watched, 1) == [-SIGKILL]
    assert states(watched, neighbours) == {"done"}
    later = watched.event("test.harmless", {})
    assert rounds(watched, MOST_LOSSES - 4 + 1) == [-SIGKILL, 0]
    assert states(watched, [later, *neighbours]) == {"done"}
    assert watched.state(deadly)[0] == "dead"
    [letter] = watched.rows("SELECT letter_key, error_class, message FROM event_dead_letters")
    assert letter == (
        f"events:{deadly}",
        "WorkerLost",
        "5 workers in a row ended, or hung, while they had it",
    )


def test_a_replay_of_what_ended_its_workers_begins_anew(watched: Board) -> None:
    event = watched.event("test.harmless", {})
    ReactionClaims(watched.reactor()).claim([event])
    watched.execute("UPDATE fanout.reactions SET losses = %s", MOST_LOSSES - 1)
    watched.later(LEASE_SECONDS)
    run(watched.database.reactions_dsn)
    assert watched.state(event)[0] == "dead"
    watched.execute("UPDATE fanout.reactions SET state = 'pending', next_attempt_at = now()")
    run(watched.database.reactions_dsn)
    assert watched.state(event)[0] == "done"


def test_one_suspect_is_leased_at_a_time_and_comes_alone(watched: Board) -> None:
    suspects = events(watched, "test.harmless", 2)
    claims = [ReactionClaims(watched.reactor()) for _ in range(2)]
    assert len(claims[0].claim(suspects)) == 2
    watched.execute("UPDATE fanout.reactions SET losses = 1")
    watched.later(LEASE_SECONDS)
    fresh = events(watched, "test.harmless", 2)
    [suspect] = claims[1].claim(fresh)
    assert is_suspect(suspect)
    others = ReactionClaims(watched.reactor()).claim(fresh)
    assert {each.values["event_id"] for each in others} == set(fresh)
    # Its lease ends: the worker that had it is gone, and the other suspect goes first.
    watched.later(LEASE_SECONDS)
    [other] = ReactionClaims(watched.reactor()).claim()
    assert {suspect.values["event_id"], other.values["event_id"]} == set(suspects)


def test_while_another_worker_claims_a_suspect_no_other_one_is_claimed(watched: Board) -> None:
    suspects = events(watched, "test.harmless", 2)
    reactor = watched.reactor()
    assert len(ReactionClaims(reactor).claim(suspects)) == 2
    watched.execute("UPDATE fanout.reactions SET losses = 1")
    watched.later(LEASE_SECONDS)
    with watched.database.connect() as other, other.transaction():
        assert other.execute(IS_FIRST).fetchall() == [(True,)]
        assert ReactionClaims(reactor).claim() == []
    assert len(ReactionClaims(reactor).claim()) == 1


def test_an_error_of_a_worker_that_lives_on_is_no_loss(watched: Board) -> None:
    event = watched.event("test.harmless", {})
    with watched.database.connect() as owner:
        owner.execute("REVOKE UPDATE (reason) ON fanout.reactions FROM fanout_reactions")
    for _ in range(MOST_LOSSES + 2):
        with pytest.raises(FanoutError):
            run(watched.database.reactions_dsn)
        watched.later(LEASE_SECONDS)
    with watched.database.connect() as owner:
        owner.execute("GRANT UPDATE (reason) ON fanout.reactions TO fanout_reactions")
    run(watched.database.reactions_dsn)
    assert watched.state(event)[0] == "done"


def claim_one(board: Board) -> float:
    """Claim a suspect in the role of the graph; return how many rows were handled."""
    with psycopg.connect(board.database.reactions_dsn, autocommit=True) as connection:
        claim = SUSPECTS.claim_statement().as_bytes(connection)
        return effort(connection, claim, most=1, seconds=30.0)


@pytest.fixture
def crowded(board: Board) -> Board:
    """10,000 events are due, and then 1,000 whose lease has ended. Of these 100 are suspects."""
    board.execute("ALTER TABLE fanout.reactions SET (autovacuum_enabled = off)")
    board.execute(
        "INSERT INTO fanout.reactions"
        " (event_id, event_type, state, attempts, lease_token, started_at, next_attempt_at, losses)"
        " SELECT gen_random_uuid(), 'test.harmless', state, 1,"
        " CASE state WHEN 'leased' THEN gen_random_uuid() END, now() - interval '2 h',"
        " now() - interval '1 h' + number * interval '1 ms', (number > 10900)::int"
        " FROM generate_series(1, 11000) AS number,"
        " LATERAL (SELECT CASE WHEN number > 10000 THEN 'leased' ELSE 'pending' END) AS of (state)"
    )
    return board


@pytest.mark.parametrize("knows", ["nothing of", "all of"])
def test_a_suspect_is_found_by_its_index_however_many_others_there_are(
    crowded: Board, knows: str
) -> None:
    if knows == "all of":
        crowded.execute("ANALYZE fanout.reactions")
    # Without statistics it may read all suspects, but nothing else.
    assert claim_one(crowded) < FEW_ROWS
    assert crowded.rows("SELECT count(*) FROM fanout.reactions WHERE losses = 2") == [(1,)]


def test_control_without_its_index_all_that_is_due_is_read(crowded: Board) -> None:
    crowded.execute("DROP INDEX fanout.reactions_suspects_idx")
    crowded.execute("ANALYZE fanout.reactions")
    assert claim_one(crowded) > 10 * FEW_ROWS
