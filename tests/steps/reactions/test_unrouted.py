"""Events that nothing handles: parked, and in their order again when a handler has come."""

from dataclasses import replace
from datetime import UTC, datetime
from uuid import UUID, uuid4

import pytest

from pipeline.ops.reactions.explain import read_reaction
from pipeline.ops.reactions.words import state
from pipeline.ops.replay.selector import Selector
from pipeline.ops.routes.routes import remove_route
from pipeline.reactions.handlers import REACTION_HANDLERS
from pipeline.reactions.handlers.registry import reaction_handlers
from pipeline.sinks.reaction_results import write_reaction_results
from pipeline.steps.reactions.claim import ReactionClaims
from pipeline.steps.reactions.preview import ReactionPreview
from pipeline.steps.reactions.react import react
from tests.reactions.asking import AMARA
from tests.steps.reactions.board import Board, one
from tests.steps.reactions.test_order import Asked, Placed, Shipped
from tests.steps.reactions.test_replay import operator, replay
from tests.steps.reactions.test_routes import route

VERIFIED = {"userId": str(AMARA)}
ORDER = UUID(int=1)


def waiting_for_a_route(board: Board) -> tuple[UUID, int]:
    """An event that was found while a route took its type, and the route."""
    added = route(board, "member.checked", "handler:user.verified")
    event = board.event("member.checked", VERIFIED)
    board.process(event, most=0)
    assert board.state(event)[0] == "pending"
    return event, added.id


def test_an_event_that_waits_while_its_route_is_removed_is_parked_and_not_dead(
    board: Board,
) -> None:
    event, route_id = waiting_for_a_route(board)
    remove_route(operator(board), route_id)
    [would] = ReactionPreview(board.reactor()).look()
    assert would["status"] == "unrouted"
    board.process()
    assert board.state(event) == ("unrouted", 1, 0)
    assert board.rows("SELECT processed FROM reactions.events") == [(False,)]
    assert board.rows("SELECT FROM event_dead_letters") == []
    tried = "SELECT result, reason FROM fanout.attempts"
    assert board.rows(tried) == [("given back", "its type has no handler")]
    assert state(read_reaction(operator(board), event)) == "parked: its type has no handler"
    [(shown, words)] = board.rows("SELECT state, error_message FROM reactions.event_dead_letters")
    assert (shown, words) == ("unrouted", "its type has no handler")
    # The route is back: a replay processes the event.
    route(board, "member.checked", "handler:user.verified")
    replay(board, Selector(unrouted=True))
    board.process()
    assert board.state(event) == ("done", 2, 0)
    assert len(board.tasks()) == 1


def test_a_route_to_a_handler_that_this_release_lacks_parks_its_events(board: Board) -> None:
    event, _ = waiting_for_a_route(board)
    board.handlers = {
        name: each for name, each in REACTION_HANDLERS.items() if name != "user.verified"
    }
    board.process()
    [(stands, taken, reason)] = board.rows("SELECT state, route, reason FROM fanout.reactions")
    assert (stands, reason) == ("unrouted", "the type that its route names has no handler")
    assert taken.endswith(": to the handler user.verified")
    assert board.state(event)[0] == "unrouted"


@pytest.mark.parametrize("closes", [False, True])
def test_what_is_parked_late_is_closed_only_where_all_without_a_handler_are(
    board: Board, *, closes: bool
) -> None:
    _, route_id = waiting_for_a_route(board)
    remove_route(operator(board), route_id)
    reactor = replace(board.reactor(), closes_unrouted=closes)
    write_reaction_results(reactor.database, react(reactor, ReactionClaims(reactor).claim()))
    assert board.rows("SELECT processed FROM reactions.events") == [(closes,)]


def test_an_event_that_was_deleted_is_still_dead(board: Board) -> None:
    event = board.event("user.verified", VERIFIED)
    board.process(event, most=0)
    board.execute("DELETE FROM reactions.events")
    board.process()
    assert board.state(event)[0] == "dead"


def unrouted(board: Board, event_type: str, payload: object, about: UUID | None = None) -> UUID:
    """An event of a type that has no handler yet."""
    event = board.event(event_type, payload, about=about)
    board.process(event)
    assert board.state(event)[0] == "unrouted"
    return event


def test_events_that_had_no_handler_are_replayed_in_the_order_of_their_aggregate(
    board: Board,
) -> None:
    placed = unrouted(board, "order.placed", {"fails": True}, ORDER)
    shipped = unrouted(board, "order.shipped", {}, ORDER)
    other = unrouted(board, "order.shipped", {}, uuid4())
    alone = unrouted(board, "order.shipped", {})
    board.handlers = reaction_handlers([Placed(), Shipped(), Asked()])
    replay(board, Selector(unrouted=True))
    assert board.process() == 3
    assert [board.state(each)[0] for each in (placed, shipped, other, alone)] == [
        *("waiting", "pending", "done", "done")
    ]
    # One that comes later waits, too; and the first one of all is processed first.
    later = board.event("order.shipped", {}, about=ORDER)
    assert board.process(later) == 0
    for _ in range(4):
        board.later(1_000)
        assert board.process() == 1
    assert board.state(placed)[0] == "dead"
    assert board.process() == 1
    assert (board.state(shipped)[0], board.state(later)[0]) == ("done", "pending")


def test_a_replay_goes_in_the_order_of_the_events_and_not_in_that_of_their_messages(
    board: Board,
) -> None:
    first = board.event("order.placed", {"fails": True}, about=ORDER)
    second = board.event("order.placed", {}, about=ORDER)
    claims = ReactionClaims(board.reactor(), find_seconds=3_600)
    claims.claim([], most=0)
    for event in (second, first):
        claims.claim([event])
    assert board.state(first)[0] == board.state(second)[0] == "unrouted"
    board.handlers = reaction_handlers([Placed()])
    done = replay(board, Selector(unrouted=True))
    assert list(done.ids) == [first, second]
    assert board.process() == 1
    assert (board.state(first)[0], board.state(second)[0]) == ("waiting", "pending")


def test_an_old_event_that_is_replayed_is_before_all_that_have_a_sequence(board: Board) -> None:
    board.execute("ALTER TABLE reactions.events ALTER COLUMN sequence DROP IDENTITY")
    board.execute("ALTER TABLE reactions.events ALTER COLUMN sequence DROP NOT NULL")
    board.execute("ALTER TABLE reactions.events ALTER COLUMN sequence SET DEFAULT 1")
    later = unrouted(board, "order.shipped", {}, ORDER)
    old = board.event("order.placed", {}, about=ORDER, created_at=datetime(2001, 1, 1, tzinfo=UTC))
    board.execute("UPDATE reactions.events SET sequence = NULL WHERE id = %s", old)
    board.execute("UPDATE fanout.reaction_backlog SET finished_at = NULL")
    board.process()
    board.handlers = reaction_handlers([Placed(), Shipped()])
    assert list(replay(board, Selector(unrouted=True)).ids) == [old, later]
    assert board.process() == 1
    assert (board.state(old)[0], board.state(later)[0]) == ("done", "pending")


def test_events_that_had_no_handler_are_replayed_one_at_a_time_where_it_asks_for_that(
    board: Board,
) -> None:
    ids = [unrouted(board, "order.asked", {"category": "law"}) for _ in range(2)]
    board.handlers = reaction_handlers([Asked()])
    replay(board, Selector(unrouted=True))
    assert board.process() == 1
    assert sorted(board.state(each)[0] for each in ids) == ["done", "pending"]


def test_a_replay_keeps_the_order_of_an_event_whose_handler_it_does_not_know(board: Board) -> None:
    board.handlers = reaction_handlers([Placed()])
    event = board.event("order.placed", {"fails": True}, about=ORDER)
    board.process(event)
    key = "SELECT order_key, ordinal FROM fanout.reactions"
    before = board.rows(key)
    board.execute("UPDATE fanout.reactions SET state = 'dead'")
    # Named in neither of the two: nothing is said of its type.
    again = uuid4()
    with board.database.connect() as connection:
        connection.execute(
            "INSERT INTO fanout_replays (id, selector, planned) VALUES (%s, '{}', 1)", (again,)
        )
        [[count]] = connection.execute(
            "SELECT fanout.replay_reactions(%s, %s, '{}', '{}')", (again, [event])
        ).fetchall()
    assert count == 1
    assert board.rows(key) == before
    assert one(board.rows("SELECT state FROM fanout.reactions")) == "pending"
