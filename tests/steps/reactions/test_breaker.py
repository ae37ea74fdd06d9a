"""The breaker of a type: it opens when all events fail alike, tries one, and closes again."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import timedelta
from uuid import UUID, uuid4

import pytest

from pipeline.domain.breaker import Breaker
from pipeline.domain.identifiers import EventType
from pipeline.facts.switches import switches_of
from pipeline.reactions.events import ReactionEvent
from pipeline.reactions.facts import Answers
from pipeline.reactions.handler import ReactionHandler
from pipeline.reactions.handlers.registry import reaction_handlers
from pipeline.reactions.outcome import GaveUp, ReactionOutcome, done
from pipeline.sinks.reaction_results import write_reaction_results
from pipeline.steps.reactions.claim import ReactionClaims
from pipeline.steps.reactions.react import react
from pipeline.steps.reactions.reactor import REACTION_LEASE
from pipeline.steps.reactions.suspect import MOST_LOSSES
from pipeline.steps.reactions.trial import TAKE_TRIALS, claim_trials
from tests.deadline import wait_until
from tests.steps.reactions.board import Board, one
from tests.steps.reactions.test_reactions import Anything

# Three events in a row open it.
RULE = Breaker(failures=3, cool_off=timedelta(minutes=5), longest=timedelta(minutes=15))


@dataclass
class Fragile(ReactionHandler[Anything]):
    """Fails until it is repaired."""

    event_type = EventType("test.fragile")
    payload = Anything

    broken: bool = True
    gives_up: bool = False
    wants_any: bool = True
    asked: list[UUID] = field(default_factory=list)

    def wants(self, event: ReactionEvent[Anything]) -> bool:
        return self.wants_any

    def react(self, event: ReactionEvent[Anything], answers: Answers) -> ReactionOutcome:
        self.asked.append(event.id)
        if self.broken:
            raise RuntimeError
        return GaveUp(reason="it makes no sense") if self.gives_up else done()


class InOrder(ReactionHandler[Anything]):
    """Always works, in the order of the aggregate."""

    event_type = EventType("test.in_order")
    payload = Anything
    in_order = True

    def react(self, event: ReactionEvent[Anything], answers: Answers) -> ReactionOutcome:
        return done()


@dataclass
class Bench:
    """A board whose graph has the rule of this file."""

    board: Board
    handler: Fragile

    def events(self, number: int) -> list[UUID]:
        return [self.board.event("test.fragile", {}) for _ in range(number)]

    def process(self, *, most: int = 500) -> int:
        reactor = self.board.reactor()
        switches_of(reactor.database).forget()
        leases = ReactionClaims(reactor).claim(most=most)
        write_reaction_results(reactor.database, react(reactor, leases), rule=RULE)
        return len(leases)

    def switch(self, name: str = "test.fragile") -> tuple[str, int, int] | None:
        rows = self.board.rows(
            "SELECT state, failures, cool_off_seconds FROM fanout.switches WHERE name = %s", name
        )
        return rows[0] if rows else None

    def states(self) -> list[tuple[str, int]]:
        return [
            (state, failures)
            for state, failures in self.board.rows(
                "SELECT state, failures FROM fanout.reactions ORDER BY sequence"
            )
        ]

    def cool_off(self) -> None:
        self.board.execute("UPDATE fanout.switches SET until = now()")

    def waits(self, most: timedelta) -> bool:
        """Whether the breaker lets an event be tried within this time."""
        return bool(one(self.board.rows("SELECT until <= now() + %s FROM fanout.switches", most)))


@pytest.fixture
def bench(board: Board) -> Bench:
    handler = Fragile()
    board.handlers = reaction_handlers([handler])
    return Bench(board, handler)


def test_it_opens_when_all_events_fail_alike_and_what_opened_it_costs_no_try(
    bench: Bench,
) -> None:
    bench.events(3)
    assert bench.process() == 3
    assert bench.switch() == ("open", 3, 300)
    assert bench.states() == [("waiting", 0)] * 3
    # Nothing goes on, however late it is.
    bench.board.later(1000)
    assert bench.process() == 0
    assert bench.states() == [("paused", 0)] * 3
    assert len(bench.handler.asked) == 3


def test_failures_from_before_are_not_given_back(bench: Bench) -> None:
    first, *_ = bench.events(3)
    assert len(ReactionClaims(bench.board.reactor()).claim()) == 3
    bench.board.execute(
        "UPDATE fanout.reactions SET state = 'waiting', lease_token = NULL,"
        " next_attempt_at = now(), failures = CASE event_id WHEN %s THEN 2 ELSE 0 END",
        first,
    )
    assert bench.process() == 3
    assert bench.switch() is not None
    assert bench.states() == [("waiting", 2), ("waiting", 0), ("waiting", 0)]


def test_control_two_failures_or_an_answer_in_between_do_not_open_it(bench: Bench) -> None:
    bench.events(2)
    bench.process()
    assert (bench.switch(), bench.states()) == (None, [("waiting", 1)] * 2)
    # Whatever its answer is, the handler works.
    bench.handler.broken, bench.handler.gives_up = False, True
    bench.events(1)
    bench.process()
    bench.handler.broken = True
    bench.events(2)
    bench.process()
    assert bench.switch() is None


def test_an_event_that_is_done_without_its_handler_is_no_answer_unless_it_is_the_trial(
    bench: Bench,
) -> None:
    bench.events(2)
    bench.process()
    bench.handler.wants_any = False
    bench.events(1)
    bench.process()
    bench.handler.wants_any = True
    bench.events(1)
    bench.process()
    assert bench.switch() == ("open", 3, 300)
    bench.handler.wants_any = False
    bench.cool_off()
    assert bench.process() == 1
    assert bench.switch() is None


def test_one_event_is_tried_after_the_cool_off_and_costs_nothing_if_it_fails(
    bench: Bench,
) -> None:
    first, *_ = bench.events(3)
    bench.process()
    # Also those that were leased meanwhile pass by: they are not asked.
    bench.events(4)
    bench.process()
    for again, seconds in ((1, 600), (2, 900), (3, 900)):
        bench.cool_off()
        assert bench.process() == 1
        assert bench.switch() == ("open", 3 + again, seconds)
        assert bench.handler.asked[3:] == [first] * again
        assert bench.process() == 0
    assert {failures for _, failures in bench.states()} == {0}
    tried = bench.board.rows(
        "SELECT result FROM fanout.attempts WHERE record_id = %s ORDER BY number", str(first)
    )
    assert tried == [("failed",), *[("given back",)] * 3]


def test_it_closes_when_the_handler_works_and_all_goes_on(bench: Bench) -> None:
    bench.events(5)
    bench.process(most=3)
    assert bench.switch() is not None
    bench.handler.broken = False
    bench.cool_off()
    assert bench.process() == 1
    assert bench.switch() is None
    assert bench.process() == 4
    assert bench.states() == [("done", 0)] * 5


def test_of_two_workers_one_takes_the_trial_and_another_one_if_it_was_lost(bench: Bench) -> None:
    bench.events(3)
    bench.process()
    bench.process()
    bench.cool_off()
    reactor = bench.board.reactor()
    switches_of(reactor.database).forget()
    assert [len(ReactionClaims(reactor).claim()) for _ in range(2)] == [1, 0]
    # The worker was killed: its lease and its trial end.
    bench.cool_off()
    bench.board.execute(
        "UPDATE fanout.reactions SET next_attempt_at = now() - interval '1 s'"
        " WHERE state = 'leased'"
    )
    bench.handler.broken = False
    assert bench.process() == 1
    assert bench.switch() is None


def test_a_trial_that_was_lost_is_taken_again_if_no_other_event_waits(bench: Bench) -> None:
    first, *others = bench.events(3)
    bench.process()
    bench.process()
    bench.board.execute(
        "UPDATE fanout.reactions SET state = 'done', finished_at = now() WHERE event_id = ANY (%s)",
        others,
    )
    reactor = bench.board.reactor()
    # Each time its worker is killed.
    for losses in range(3):
        bench.cool_off()
        bench.board.later(1000)
        switches_of(reactor.database).forget()
        [trial] = ReactionClaims(reactor).claim()
        assert (trial.values["event_id"], trial.values["losses"]) == (first, losses)
    bench.cool_off()
    bench.board.later(1000)
    bench.handler.broken = False
    assert bench.process() == 1
    assert bench.switch() is None
    assert bench.board.state(first)[0] == "done"


def test_a_trial_that_ended_its_workers_is_dead_and_its_breaker_stays_open_for_longer(
    bench: Bench,
) -> None:
    first, *others = bench.events(3)
    bench.process()
    bench.process()
    bench.board.execute(
        "UPDATE fanout.reactions SET state = 'done', finished_at = now() WHERE event_id = ANY (%s)",
        others,
    )
    reactor = bench.board.reactor()
    for _ in range(MOST_LOSSES):
        bench.cool_off()
        bench.board.later(1000)
        switches_of(reactor.database).forget()
        assert len(ReactionClaims(reactor).claim()) == 1
        # The next trial is at most as far away as the end of this one.
        assert bench.waits(REACTION_LEASE)
    bench.handler.broken = False
    bench.cool_off()
    bench.board.later(1000)
    assert bench.process() == 1
    assert bench.board.state(first)[0] == "dead"
    assert bench.switch() == ("open", 4, 600)
    assert not bench.waits(timedelta(seconds=500))
    # Then another one is tried.
    bench.events(1)
    assert bench.process() == 0
    bench.cool_off()
    assert bench.process() == 1
    assert bench.switch() is None


def test_it_opens_when_all_events_end_their_workers(bench: Bench) -> None:
    bench.events(3)
    assert len(ReactionClaims(bench.board.reactor()).claim()) == 3
    bench.board.execute("UPDATE fanout.reactions SET losses = %s", MOST_LOSSES - 1)
    bench.board.later(1000)
    for switch in (None, None, ("open", 3, 300)):
        assert bench.process() == 1
        assert bench.switch() == switch
    assert {state for state, _ in bench.states()} == {"dead"}


def test_of_two_workers_at_once_one_takes_the_trial(bench: Bench) -> None:
    bench.events(3)
    bench.process()
    bench.process()
    bench.cool_off()
    board = bench.board
    with board.database.connect() as other, ThreadPoolExecutor() as threads:
        with other.transaction():
            assert len(other.execute(TAKE_TRIALS, {"seconds": 30}).fetchall()) == 1
            waiting = threads.submit(claim_trials, board.reactor().database, REACTION_LEASE)
            wait_until(
                lambda: board.rows("SELECT FROM pg_locks WHERE NOT granted"),
                seconds=30,
                what="the second worker waits for the first one",
            )
        assert waiting.result() == []


def test_a_type_that_a_person_paused_stays_paused(bench: Bench) -> None:
    bench.events(2)
    bench.process()
    bench.board.execute(
        "INSERT INTO fanout.switches (name, state, who) VALUES ('test.fragile', 'paused', 'ida')"
    )
    bench.handler.broken = False
    bench.board.later(1000)
    assert bench.process() == 0
    assert one(bench.board.rows("SELECT who FROM fanout.switches")) == "ida"


def test_the_trial_is_an_event_that_waits_for_no_other(bench: Bench) -> None:
    """The one that was found first waits for an earlier one of its aggregate, found later."""
    bench.board.handlers = reaction_handlers([InOrder(), bench.handler])
    order = uuid4()
    late = bench.board.event("test.in_order", {}, about=order)
    bench.board.execute("UPDATE reactions.events SET processed = true WHERE id = %s", late)
    found = bench.board.event("test.in_order", {}, about=order)
    bench.board.execute(
        "INSERT INTO fanout.switches (name, state, until, failures, fingerprint, cool_off_seconds)"
        " VALUES ('test.in_order', 'open', now() + interval '1 h', 3, 'f', 300)"
    )
    assert bench.process() == 0
    bench.board.execute("UPDATE reactions.events SET processed = false WHERE id = %s", late)
    assert bench.process() == 0
    assert bench.states() == [("paused", 0)] * 2
    bench.board.execute("UPDATE fanout.switches SET until = now()")
    assert bench.process() == 1
    assert bench.board.state(late)[0] == "done"
    assert bench.switch("test.in_order") is None
    assert bench.process() == 1
    assert bench.board.state(found)[0] == "done"
