"""A batch that takes longer than a lease keeps its events; one that hangs loses them."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from uuid import UUID

import apache_beam as beam
import pytest

from pipeline.clients.postgres.lease import claim
from pipeline.clients.postgres.lease_keeper import LeaseKeeper
from pipeline.clients.postgres.leased_table import LeasedTable
from pipeline.clients.postgres.retry import with_connection
from pipeline.domain.identifiers import EventType
from pipeline.domain.lease import Lease
from pipeline.domain.wake_up import WakeUp
from pipeline.reactions.events import ReactionEvent
from pipeline.reactions.facts import Answers
from pipeline.reactions.handler import ReactionHandler
from pipeline.reactions.handlers.registry import reaction_handlers
from pipeline.reactions.outcome import ReactionOutcome, done
from pipeline.runtime.runner import local_pipeline
from pipeline.sinks.reaction_results import write_reaction_results
from pipeline.steps.reactions.claim import ReactionClaims, keeper_of
from pipeline.steps.reactions.react import react
from pipeline.steps.reactions.reactor import Reactor
from pipeline.steps.reactions.table import REACTIONS
from pipeline.topology.ends import Store
from pipeline.topology.reactions import ReactionsTopology
from tests.deadline import wait_until
from tests.steps.reactions.board import Board
from tests.steps.reactions.test_reactions import Anything

# A third of it, and a sixth: the extension has four seconds to come.
LEASE = timedelta(seconds=6)
SHORT = timedelta(seconds=1)
GO_ON = threading.Event()
EXTENDED = (
    "SELECT event_id FROM fanout.reactions WHERE state = 'leased'"
    " AND next_attempt_at > started_at + make_interval(secs => %s)"
)


class Slow(ReactionHandler[Anything]):
    """Answers when it is told to."""

    event_type = EventType("test.slow")
    payload = Anything

    def react(self, event: ReactionEvent[Anything], answers: Answers) -> ReactionOutcome:
        assert GO_ON.wait(120)
        return done()


@pytest.fixture
def slow(board: Board) -> Iterator[Board]:
    board.handlers = reaction_handlers([Slow()])
    GO_ON.clear()
    yield board
    GO_ON.set()


def reactor_of(board: Board, lease: timedelta) -> Reactor:
    return replace(board.reactor(), lease=lease)


def run(reactor: Reactor) -> None:
    topology = ReactionsTopology(reactor=reactor, ends=Store(reactor.database))
    pipeline = local_pipeline()
    wake_ups: list[WakeUp] = []
    topology.build(pipeline, beam.Create([wake_ups], reshuffle=False))
    pipeline.run().wait_until_finish()


def test_a_batch_that_takes_longer_than_its_lease_keeps_all_its_events(slow: Board) -> None:
    reactor = reactor_of(slow, LEASE)
    ids = [slow.event("test.slow", {}) for _ in range(2)]
    with ThreadPoolExecutor() as threads:
        graph = threads.submit(run, reactor)
        wait_until(
            lambda: len(slow.rows(EXTENDED, LEASE.total_seconds())) == len(ids),
            seconds=60,
            what="both leases are extended",
        )
        GO_ON.set()
        graph.result()
    assert [slow.state(each) for each in ids] == [("done", 1, 0), ("done", 1, 0)]
    assert slow.rows("SELECT DISTINCT result FROM fanout.attempts") == [("done",)]
    assert keeper_of(reactor).kept == 0


def held(board: Board, lease: timedelta) -> tuple[Reactor, list[Lease], UUID]:
    board.handlers = reaction_handlers([Slow()])
    event = board.event("test.slow", {})
    reactor = reactor_of(board, lease)
    leases = ReactionClaims(reactor).claim()
    assert len(leases) == 1
    return reactor, leases, event


def test_a_step_that_hangs_loses_its_events_to_another_worker(board: Board) -> None:
    reactor, leases, event = held(board, SHORT)
    keeper = LeaseKeeper(reactor.database, lambda: REACTIONS, SHORT, longest=timedelta(0))
    GO_ON.set()
    with keeper.keeping(leases):
        taken: list[Lease] = []

        def take() -> bool:
            taken.extend(ReactionClaims(reactor).claim())
            return bool(taken)

        wait_until(take, seconds=60, what="another worker gets the event")
        # The worker that hung writes nothing, and its keeper leaves the new lease alone.
        write_reaction_results(reactor.database, react(reactor, leases))
        assert board.state(event)[0] == "leased"
        write_reaction_results(reactor.database, react(reactor, taken))
    assert board.state(event) == ("done", 2, 0)
    results = board.rows("SELECT number, result FROM fanout.attempts ORDER BY number")
    assert results == [(1, "lost"), (2, "done")]


def test_a_lease_that_another_worker_has_is_not_extended(board: Board) -> None:
    reactor, leases, _ = held(board, LEASE)
    board.later(100)
    taken = ReactionClaims(reactor).claim()
    assert [each.sequence for each in taken] == [each.sequence for each in leases]
    before = board.rows("SELECT next_attempt_at FROM fanout.reactions")
    ours = board.event("test.slow", {})
    more = ReactionClaims(reactor).claim([ours])
    keeper = LeaseKeeper(reactor.database, lambda: REACTIONS, LEASE)
    # One statement for both finds only one of them.
    with keeper.keeping([*leases, *more]):
        wait_until(
            lambda: board.rows(EXTENDED, LEASE.total_seconds()) == [(ours,)],
            seconds=60,
            what="the lease that is still ours is extended",
        )
    after = board.rows("SELECT next_attempt_at FROM fanout.reactions ORDER BY sequence")
    assert after[:1] == before


def test_an_event_that_is_locked_is_left_out_and_the_others_are_extended(board: Board) -> None:
    reactor, leases, event = held(board, LEASE)
    other = board.event("test.slow", {})
    leases += ReactionClaims(reactor).claim([other])
    keeper = LeaseKeeper(reactor.database, lambda: REACTIONS, LEASE)
    with board.database.connect() as session, session.transaction(force_rollback=True):
        session.execute("SELECT FROM fanout.reactions WHERE event_id = %s FOR UPDATE", (event,))
        with keeper.keeping(leases):
            wait_until(
                lambda: board.rows(EXTENDED, LEASE.total_seconds()) == [(other,)],
                seconds=60,
                what="the event that nobody has locked is extended",
            )


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_after_an_error_that_nobody_expected_leases_are_kept_again(board: Board) -> None:
    reactor, leases, event = held(board, SHORT)
    failed = threading.Event()

    def table() -> LeasedTable:
        if failed.is_set():
            return REACTIONS
        failed.set()
        raise RuntimeError("a fault that nobody expected")

    keeper = LeaseKeeper(reactor.database, table, SHORT)
    with keeper.keeping(leases):
        wait_until(
            lambda: failed.is_set() and not keepers(), seconds=60, what="its thread has ended"
        )
    with keeper.keeping(leases):
        wait_until(
            lambda: board.rows(EXTENDED, SHORT.total_seconds()) == [(event,)],
            seconds=60,
            what="the lease is extended",
        )


def keepers() -> list[threading.Thread]:
    return [each for each in threading.enumerate() if each.name == "leases"]


def test_without_work_nothing_is_extended_and_a_keeper_begins_again(board: Board) -> None:
    reactor, leases, _ = held(board, SHORT)
    keeper = LeaseKeeper(reactor.database, lambda: REACTIONS, SHORT)
    for _ in range(2):
        with keeper.keeping([]), keeper.keeping(leases):
            assert keeper.kept == 1
        assert keeper.kept == 0
        wait_until(
            lambda: not keepers(),
            seconds=60,
            what="its thread has ended",
        )
    # Whoever wants it gets it when its lease has ended.
    wait_until(
        lambda: with_connection(
            reactor.database, lambda connection: claim(connection, REACTIONS, SHORT)
        ),
        seconds=60,
        what="another worker gets the event",
    )
