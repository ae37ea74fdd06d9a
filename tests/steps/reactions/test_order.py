"""Events that wait for each other: in the order of their aggregate, or one at a time by a value."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from uuid import UUID, uuid4

import pytest

from pipeline.domain.identifiers import EventType
from pipeline.reactions.camel import CamelPayload
from pipeline.reactions.effects import FollowUp
from pipeline.reactions.events import ReactionEvent
from pipeline.reactions.facts import Answers
from pipeline.reactions.handler import ReactionHandler
from pipeline.reactions.handlers.registry import reaction_handlers
from pipeline.reactions.outcome import ReactionOutcome, RetryAt, done
from pipeline.sinks.reaction_results import write_reaction_results
from pipeline.steps.reactions.claim import ReactionClaims
from pipeline.steps.reactions.react import react
from tests.deadline import wait_until
from tests.steps.reactions.board import Board, one

ORDER: UUID = UUID(int=1)


class Step(CamelPayload):
    """One step of an order."""

    fails: bool = False
    category: str | None = None


class Placed(ReactionHandler[Step]):
    """In order, with ``Shipped``."""

    event_type = EventType("order.placed")
    payload = Step
    in_order = True

    def react(self, event: ReactionEvent[Step], answers: Answers) -> ReactionOutcome:
        if event.payload.fails:
            raise RuntimeError
        return done()


class Shipped(Placed):
    """In order, with ``Placed``."""

    event_type = EventType("order.shipped")


class Asked(ReactionHandler[Step]):
    """One at a time for each category."""

    event_type = EventType("order.asked")
    payload = Step
    one_at_a_time = "category"

    def react(self, event: ReactionEvent[Step], answers: Answers) -> ReactionOutcome:
        return (
            RetryAt(at=event.created_at + timedelta(days=1), reason="later")
            if (event.payload.fails)
            else done()
        )


class Noted(ReactionHandler[Step]):
    """In no order. What follows is."""

    event_type = EventType("order.noted")
    payload = Step

    def react(self, event: ReactionEvent[Step], answers: Answers) -> ReactionOutcome:
        return done(
            FollowUp(
                name="shipped",
                type=EventType("order.shipped"),
                aggregate_type="order",
                aggregate_id=ORDER,
                payload={},
            )
        )


@pytest.fixture
def orders(board: Board) -> Board:
    board.handlers = reaction_handlers([Placed(), Shipped(), Asked(), Noted()])
    return board


@pytest.fixture
def claims(orders: Board) -> ReactionClaims:
    """Knows of the events whose ids it gets, and does not look for others."""
    claims = ReactionClaims(orders.reactor(), find_seconds=3_600)
    assert claims.claim() == []
    return claims


def leased(claims: ReactionClaims, *ids: UUID) -> list[UUID]:
    """Claim what may be claimed, and keep the leases."""
    return [each.values["event_id"] for each in claims.claim(ids)]


def test_events_of_an_aggregate_are_processed_in_their_order(orders: Board) -> None:
    placed = orders.event("order.placed", {"fails": True}, about=ORDER)
    shipped = orders.event("order.shipped", {}, about=ORDER)
    other = orders.event("order.shipped", {}, about=uuid4())
    assert orders.process() == 2
    assert [orders.state(each)[0] for each in (placed, shipped, other)] == [
        *("waiting", "pending", "done")
    ]
    # The first one failed and waits, so the second one waits too, until the first one is dead.
    assert orders.process(shipped) == 0
    for _ in range(4):
        orders.later(1_000)
        assert orders.process() == 1
    assert orders.state(placed)[0] == "dead"
    assert orders.process() == 1
    assert orders.state(shipped) == ("done", 1, 0)


def test_what_is_before_an_event_of_an_aggregate_is_found_with_it(
    orders: Board, claims: ReactionClaims
) -> None:
    ids = [orders.event("order.placed", {}, about=ORDER) for _ in range(3)]
    # The messages of the others come later.
    assert leased(claims, ids[2]) == [ids[0]]


def test_what_is_before_a_follow_up_is_found_with_it(orders: Board, claims: ReactionClaims) -> None:
    noted = orders.event("order.noted", {}, about=ORDER)
    reactor = orders.reactor()
    leases = claims.claim([noted])
    placed = orders.event("order.placed", {}, about=ORDER)
    write_reaction_results(reactor.database, react(reactor, leases))
    assert leased(claims) == [placed]


def test_events_without_an_aggregate_wait_for_no_other(
    orders: Board, claims: ReactionClaims
) -> None:
    ids = [orders.event("order.placed", {}) for _ in range(3)]
    assert leased(claims, *ids) == ids


def test_events_with_one_value_are_processed_one_at_a_time(
    orders: Board, claims: ReactionClaims
) -> None:
    first, second = (orders.event("order.asked", {"category": c}) for c in ("a  loan", "a loan "))
    other = orders.event("order.asked", {})
    nothing = orders.event("order.asked", {"category": ""})
    assert leased(claims, first, second, other, nothing) == [first, other]
    assert leased(claims) == []
    orders.later(60)
    # The lease of the first one has ended: it goes before the second one.
    assert leased(claims) == [first, other]


def test_an_event_that_waits_for_its_time_holds_up_none_with_its_value(orders: Board) -> None:
    first = orders.event("order.asked", {"category": "loan", "fails": True})
    second = orders.event("order.asked", {"category": "loan"})
    orders.process()
    assert orders.state(first)[0] == "waiting"
    assert orders.process() == 1
    assert orders.state(second)[0] == "done"


@pytest.mark.parametrize("kind", ["order.placed", "order.asked"])
def test_four_workers_never_have_two_events_of_one_key(orders: Board, kind: str) -> None:
    ids = [
        orders.event(kind, {"category": str(number % 3)}, about=UUID(int=number % 3))
        for number in range(45)
    ]
    reactor = orders.reactor()
    gate, held, twice = threading.Lock(), set[int](), list[UUID]()
    order = list[UUID]()

    def work(_: int) -> None:
        claims = ReactionClaims(reactor)
        while len(order) < len(ids) and time.monotonic() < deadline:
            leases = claims.claim(ids)
            mine = [each.values["event_id"] for each in leases]
            keys = {ids.index(each) % 3 for each in mine}
            with gate:
                twice.extend(mine if held & keys or len(keys) < len(mine) else [])
                held.update(keys)
                order.extend(mine)
            settlements = react(reactor, leases)
            with gate:
                held.difference_update(keys)
            write_reaction_results(reactor.database, settlements)

    deadline = time.monotonic() + 60
    with ThreadPoolExecutor(4) as workers:
        list(workers.map(work, range(4)))
    assert twice == []
    assert sorted(order, key=ids.index) == ids
    if kind == "order.placed":
        assert [[each for each in order if ids.index(each) % 3 == key] for key in range(3)] == [
            ids[key::3] for key in range(3)
        ]
    assert one(orders.rows("SELECT count(*) FROM fanout.reactions WHERE state = 'done'")) == 45


def test_control_without_an_order_all_are_claimed_at_once(
    orders: Board, claims: ReactionClaims
) -> None:
    ids = [orders.event("order.noted", {}, about=ORDER) for _ in range(3)]
    assert leased(claims, *ids) == ids


def test_a_paused_type_is_held_back_at_once(orders: Board, claims: ReactionClaims) -> None:
    orders.execute(
        "INSERT INTO fanout.switches (name, state, reason) VALUES ('order.noted', 'paused', 'x')"
    )
    paused, other = (orders.event(f"order.{name}", {}) for name in ("noted", "placed"))
    assert leased(claims, paused, other) == [other]


def test_a_paused_type_holds_up_what_is_behind_it_in_its_aggregate(orders: Board) -> None:
    orders.execute(
        "INSERT INTO fanout.switches (name, state, reason) VALUES ('order.placed', 'paused', 'x')"
    )
    placed, shipped = (
        orders.event(name, {}, about=ORDER) for name in ("order.placed", "order.shipped")
    )
    assert orders.process(placed, shipped) == 0
    assert orders.process() == 0
    assert [orders.state(each)[0] for each in (placed, shipped)] == ["paused", "pending"]
    orders.execute("DELETE FROM fanout.switches")
    assert [orders.process(), orders.process()] == [1, 1]
    assert [orders.state(each)[0] for each in (placed, shipped)] == ["done", "done"]


def test_a_claim_that_another_one_overtook_is_made_again_without_the_event(
    orders: Board, claims: ReactionClaims
) -> None:
    later, now, other = (
        orders.event("order.asked", {"category": category}) for category in ("art", "art", "law")
    )
    # In the ledger, and due tomorrow.
    assert leased(claims, later) == [later]
    orders.execute(
        "UPDATE fanout.reactions SET state = 'waiting', lease_token = NULL,"
        " next_attempt_at = now() + interval '1 day'"
    )
    with ThreadPoolExecutor(1) as pool:
        with orders.database.connect() as connection, connection.transaction():
            # Another worker leases it, and has not committed when this one looks.
            connection.execute(
                "UPDATE fanout.reactions SET state = 'leased', lease_token = gen_random_uuid()"
            )
            found = pool.submit(leased, claims, now, other)
            waits = "SELECT FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
            wait_until(lambda: orders.rows(waits), seconds=30, what="the claim waits")
        assert found.result(timeout=60) == [other]
    assert orders.state(now) == ("pending", 0, 0)
