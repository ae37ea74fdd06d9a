"""Databases with reactions, one at peace and one that is hit, and processes that work on them."""

import os
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Final

import pytest

from pipeline.clients.postgres.pool import close_pools
from pipeline.domain.message import Message
from tests.databases import Databases
from tests.deadline import wait_until
from tests.programs import Program
from tests.steps.reactions.board import Board
from tests.streams import Broker, Stream
from tests.torture.reaction_events import Happened, settle_people
from tests.torture.reaction_rows import open_events

WORKERS: Final = 4
DELIVERED: Final = 3
LEASE_SECONDS: Final = 31
SETTLE_SECONDS: Final = 120.0
# The graph claims more often, if there is anything to claim.
IDLE_SECONDS: Final = 0.5


@contextmanager
def board_on(databases: Databases) -> Iterator[Board]:
    """A database with reactions alone, and people in it."""
    with databases.with_reactions() as database:
        board = Board(database)
        settle_people(board)
        yield board
        board.close()


def work(board: Board, step: str = "none", weakness: str = "none") -> int:
    """Run one round of a worker; return how it ended."""
    environment = os.environ | {"DATABASE_URL": board.database.reactions_dsn}
    program = Program("tests.steps.reactions.killed", step, weakness, environment=environment)
    with program:
        return program.wait(60)


def finish(board: Board) -> None:
    """Process all that is open."""
    for _ in range(100):
        board.later(LEASE_SECONDS)
        board.process()
        if open_events(board) == 0:
            return
    pytest.fail("events are open for ever")


@contextmanager
def workers(board: Board, wakes: Broker, folder: Path) -> Iterator[list[Stream]]:
    """Four processes that run the graph, until the block ends."""
    dsn, graph = board.database.reactions_dsn, ("--graph", "reactions")
    streams = [Stream(wakes, dsn, folder / f"log.{n}", *graph) for n in range(WORKERS)]
    with ExitStack() as stack, ThreadPoolExecutor(WORKERS) as together:
        list(together.map(stack.enter_context, streams))
        yield streams


def deliver(wakes: Broker, events: Sequence[Happened]) -> None:
    """Wake the workers, three times for each event."""
    messages = [Message(b"", {"id": str(each.id), "dedup_id": str(each.id)}) for each in events]
    for _ in range(DELIVERED):
        wakes.publish(messages)


def crash(board: Board) -> None:
    """End Postgres as a power cut would, and start it again."""
    board.database.close()
    close_pools()
    board.database.cluster.crash()
    board.database.cluster.start()


def tries(board: Board) -> int:
    """How many tries have ended."""
    return int(board.rows("SELECT count(*) FROM fanout.attempts")[0][0])


def wait_for_tries(board: Board, number: int) -> None:
    """Return when so many tries have ended."""
    wait_until(
        lambda: tries(board) >= number, seconds=SETTLE_SECONDS, what=f"{number} tries have ended"
    )


def let_leases_end(board: Board) -> None:
    """Let time pass for what waits or is leased. What a worker settles just now is left alone."""
    board.execute(
        "UPDATE fanout.reactions SET next_attempt_at = next_attempt_at - interval '31 s'"
        " WHERE sequence IN (SELECT sequence FROM fanout.reactions"
        " WHERE state IN ('leased', 'waiting') ORDER BY sequence FOR UPDATE SKIP LOCKED)"
    )


def wait_until_ended(board: Board) -> None:
    """Let leases end until every event has ended; only while nothing else happens."""
    seen, since = -1, time.monotonic()

    def have_ended() -> bool:
        nonlocal seen, since
        if (now := tries(board)) != seen:
            seen, since = now, time.monotonic()
        elif time.monotonic() - since >= IDLE_SECONDS:
            let_leases_end(board)
            since = time.monotonic()
        return open_events(board) == 0

    wait_until(have_ended, seconds=SETTLE_SECONDS, what="every event has ended")
