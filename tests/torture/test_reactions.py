"""Faults of reactions: kills, crashes of Postgres, late workers. The rows are those of peace.

The same events happen in two databases, and nothing goes wrong in one of them. With controls.
"""

from collections.abc import Iterator
from pathlib import Path
from signal import SIGKILL

import pytest

from local.postgres import Postgres
from pipeline.domain.units import counted
from pipeline.steps.reactions.claim import ReactionClaims
from pipeline.steps.reactions.react import react
from tests.databases import Databases
from tests.steps.reactions.board import Board
from tests.steps.reactions.killed import LEDGER_FIRST, LEDGER_LAST, STEPS, write_ledger_first
from tests.streams import Broker, broker
from tests.torture.figures import Figures
from tests.torture.oracle import Audit
from tests.torture.reaction_events import Happened, happened, write
from tests.torture.reaction_rig import (
    DELIVERED,
    LEASE_SECONDS,
    WORKERS,
    board_on,
    crash,
    deliver,
    finish,
    let_leases_end,
    tries,
    wait_for_tries,
    wait_until_ended,
    work,
    workers,
)
from tests.torture.reaction_rows import audit, rows_of
from tests.torture.scale import SCALE

LOT = 14
STORM_LOT = 70
# After so many kills all that is open is processed: the next ones meet other events.
KILLS_IN_A_ROW = 10
WEAKENED = {
    LEDGER_FIRST: "an event of reactions is done before what follows is written",
    LEDGER_LAST: "what follows is written before the event of reactions is done",
}


@pytest.fixture
def calm(databases: Databases) -> Iterator[Board]:
    """Where the same events happen, and nothing goes wrong."""
    with board_on(databases) as board:
        yield board


@pytest.fixture
def hit(databases: Databases) -> Iterator[Board]:
    """Where the faults happen."""
    with board_on(databases) as board:
        yield board


@pytest.fixture
def durable(cluster: Postgres) -> Iterator[Board]:
    """Where the faults happen, on a cluster that writes to its disk."""
    with board_on(Databases(cluster)) as board:
        yield board


@pytest.fixture
def wakes() -> Iterator[Broker]:
    """The topic of the events."""
    with broker() as made:
        yield made


def happen(number: int, lot: int, *boards: Board) -> list[Happened]:
    """Let the same events happen in each database; the lots are numbered."""
    events = happened(lot, after=lot * number)
    for board in boards:
        write(board, events)
    return events


def torture(hit: Board, calm: Board, step: str, kills: int, weakness: str = "none") -> Audit:
    """Kill workers after a step, then let one finish. Compare the rows."""
    for number in range(kills):
        happen(number, LOT, hit, calm)
        assert work(hit, step, weakness) == -SIGKILL
        hit.later(LEASE_SECONDS)
        if number % KILLS_IN_A_ROW == KILLS_IN_A_ROW - 1:
            finish(hit)
    finish(hit)
    finish(calm)
    return audit(rows_of(hit), rows_of(calm))


@pytest.mark.parametrize("step", STEPS)
def test_a_kill_after_any_step_leaves_the_same_rows(
    hit: Board, calm: Board, step: str, figures: Figures
) -> None:
    kills = SCALE.reaction_kills
    found = torture(hit, calm, step, kills)
    assert found.is_clean, found
    figures.found(20, f"SIGKILL of a worker of reactions after: {step}", kills, found)


@pytest.mark.parametrize(
    ("weakness", "caught"), [(LEDGER_FIRST, "lost"), (LEDGER_LAST, "duplicated")]
)
def test_control_two_transactions_in_place_of_one_are_caught(
    hit: Board, calm: Board, figures: Figures, weakness: str, caught: str
) -> None:
    found = torture(hit, calm, "write", 1, weakness)
    rows = getattr(found, caught)
    assert rows > 0
    figures.caught(20, WEAKENED[weakness], f"one kill: {rows} rows {caught}")


def test_four_workers_that_are_killed_and_crashes_of_postgres_leave_the_same_rows(
    durable: Board, calm: Board, wakes: Broker, tmp_path: Path, figures: Figures
) -> None:
    storms, crashes = SCALE.reaction_storms, 0
    with workers(durable, wakes, tmp_path) as streams:
        victim = streams[0]
        for number in range(storms):
            if number:
                victim.start()
            before = tries(durable)
            deliver(wakes, happen(number, STORM_LOT, durable, calm))
            wait_for_tries(durable, before + 1)
            victim = streams[number % WORKERS]
            victim.kill()
            if number % 2:
                crash(durable)
                crashes += 1
            # What the others hold is taken away from them too: they are late, and must not count.
            let_leases_end(durable)
        wait_until_ended(durable)
        alive = [stream for stream in streams if stream is not victim]
        assert [stream.stop() for stream in alive] == [0] * (WORKERS - 1)
    finish(calm)
    found = audit(rows_of(durable), rows_of(calm))
    assert found.is_clean, found
    figures.found(
        21,
        f"SIGKILL of one of four workers of reactions; each event is delivered {DELIVERED} times",
        storms,
        found,
        f"beside them {counted(crashes, 'crash')} of Postgres",
    )
    # Control: one crash finds a worker that needs two transactions.
    happen(storms, STORM_LOT, durable, calm)
    reactor = durable.reactor()
    settlements = react(reactor, ReactionClaims(reactor).claim())
    write_ledger_first(reactor, settlements, lambda: crash(durable))
    finish(durable)
    finish(calm)
    caught = audit(rows_of(durable), rows_of(calm))
    assert caught.lost > 0
    figures.caught(21, WEAKENED[LEDGER_FIRST], f"one crash of Postgres: {caught.lost} rows lost")
