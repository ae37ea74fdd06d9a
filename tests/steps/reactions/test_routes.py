"""Events that take a route: to another handler, to nobody, to an endpoint; and those not wanted."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import psycopg
import pytest

from pipeline.domain.errors import ConfigurationError, Conflict, NotFound, UsageError
from pipeline.domain.identifiers import EventType
from pipeline.ops.families import Family
from pipeline.ops.migrate import migrate
from pipeline.ops.reactions.document import reaction_document
from pipeline.ops.reactions.explain import read_reaction
from pipeline.ops.routes.routes import RouteListed, add_route, list_routes, remove_route
from pipeline.ops.webhooks.change import remove_endpoint
from pipeline.ops.why.words import outcome_of
from pipeline.reactions.camel import CamelPayload
from pipeline.reactions.effects import AuditEntry, FollowUp
from pipeline.reactions.events import ReactionEvent
from pipeline.reactions.facts import Answers
from pipeline.reactions.handler import ReactionHandler
from pipeline.reactions.handlers import REACTION_HANDLERS
from pipeline.reactions.handlers.registry import reaction_handlers
from pipeline.reactions.outcome import Done, done
from pipeline.settings import DatabaseSettings
from pipeline.sinks.reaction_results import write_reaction_results
from pipeline.steps.reactions.claim import ReactionClaims
from pipeline.steps.reactions.react import react
from tests.clients.webhooks.receiver import Receiver
from tests.golden.stage import Stage
from tests.reactions.asking import AMARA
from tests.steps.reactions.board import Board, one
from tests.steps.webhooks.desk import WebhookDesk

VERIFIED: dict[str, Any] = {"userId": str(AMARA)}
LEDGER = "SELECT state, route, reason FROM fanout.reactions WHERE event_id = %s"


class Order(CamelPayload):
    """What the tests' own types say."""

    total: int = 0


class LargeOrders(ReactionHandler[Order]):
    """Logs orders above a hundred, and wants no others."""

    event_type = EventType("order.paid")
    payload = Order

    def wants(self, event: ReactionEvent[Order]) -> bool:
        return event.payload.total > 100

    def react(self, event: ReactionEvent[Order], answers: Answers) -> Done:
        return done(
            AuditEntry(name="log", action=event.type, agent_type="shop"),
            FollowUp(name="next", type=EventType("order.packed"), payload={"total": 7}),
        )


def route(board: Board, event_type: str, to: str, **more: Any) -> RouteListed:  # noqa: ANN401
    return add_route(operator(board), event_type, to, board.handlers or REACTION_HANDLERS, **more)


def operator(board: Board) -> DatabaseSettings:
    return DatabaseSettings(dsn=board.database.operator_dsn)


@pytest.fixture
def shop(board: Board) -> Board:
    board.handlers = reaction_handlers([*REACTION_HANDLERS.values(), LargeOrders()])
    return board


def test_the_first_route_whose_condition_the_payload_contains_decides(board: Board) -> None:
    route(board, "user.verified", "nobody", condition='{"userId": "somebody else"}')
    skipped = route(board, "user.verified", "nobody", condition='{"pocAgentType": "test"}')
    route(board, "user.verified", "handler:user.verified", condition="{}")
    ours = board.event("user.verified", {**VERIFIED, "pocAgentType": "test"})
    other = board.event("user.verified", VERIFIED)
    board.process()
    words = f"route {skipped.id}: to nobody"
    assert board.rows(LEDGER, ours) == [("done", words, words)]
    [(state, taken, reason)] = board.rows(LEDGER, other)
    assert (state, reason) == ("done", None)
    assert taken.endswith(": to the handler user.verified")
    assert len(board.tasks()) == 1
    assert board.rows("SELECT processed FROM reactions.events") == [(True,), (True,)]
    attempt = "SELECT result, reason FROM fanout.attempts WHERE record_id = %s"
    assert board.rows(attempt, str(ours)) == [("done", words)]


def test_a_new_route_before_the_others_wins(board: Board) -> None:
    last = route(board, "user.verified", "handler:user.verified", position=2)
    first = route(board, "user.verified", "nobody", position=1)
    assert [each.id for each in list_routes(operator(board))] == [first.id, last.id]
    board.process(board.event("user.verified", VERIFIED))
    assert board.tasks() == []


def test_without_a_route_the_handler_of_the_type_decides(board: Board) -> None:
    removed = route(board, "user.verified", "nobody")
    remove_route(operator(board), removed.id)
    event_id = board.event("user.verified", VERIFIED)
    board.process(event_id)
    assert board.rows(LEDGER, event_id) == [("done", None, None)]
    assert len(board.tasks()) == 1


def test_a_type_without_a_handler_that_a_route_sends_to_one_is_not_unrouted(board: Board) -> None:
    route(board, "member.checked", "handler:user.verified", condition='{"plan": "pro"}')
    routed = board.event("member.checked", {**VERIFIED, "plan": "pro"})
    unrouted = board.event("member.checked", {**VERIFIED, "plan": "free"})
    board.process()
    assert board.state(routed) == ("done", 1, 0)
    assert board.tasks() == [("notify_user_of_priorities", AMARA, 1)]
    assert board.state(unrouted) == ("unrouted", 0, 0)


def test_a_follow_up_without_a_handler_takes_its_route_too(shop: Board) -> None:
    route(shop, "order.packed", "handler:order.paid", condition='{"total": 7}')
    shop.process(shop.event("order.paid", {"total": 200}))
    assert shop.process() == 1
    followed = "SELECT state, route, reason FROM fanout.reactions WHERE event_type = 'order.packed'"
    [(state, _, reason)] = shop.rows(followed)
    assert (state, reason) == ("done", "its handler does not want it")


def test_a_follow_up_with_a_route_stays_open_where_those_without_a_handler_are_closed(
    shop: Board,
) -> None:
    reactor = replace(shop.reactor(), closes_unrouted=True)
    for event_type, is_open in (("order.packed", False), ("order.packed", True)):
        if is_open:
            route(shop, event_type, "nobody")
        event_id = shop.event("order.paid", {"total": 200})
        leases = ReactionClaims(reactor).claim([event_id])
        write_reaction_results(reactor.database, react(reactor, leases))
        followed = "SELECT processed FROM reactions.events WHERE metadata ->> 'cause' = %s"
        assert shop.rows(followed, str(event_id)) == [(not is_open,)]


@pytest.mark.parametrize(("total", "lines"), [(100, 0), (101, 1)])
def test_what_a_handler_does_not_want_is_done_with_nothing(
    shop: Board, total: int, lines: int
) -> None:
    event_id = shop.event("order.paid", {"total": total})
    shop.process(event_id)
    assert shop.state(event_id) == ("done", 1, 0)
    assert one(shop.rows("SELECT count(*) FROM reactions.agent_actions_log")) == lines
    reason = one(shop.rows("SELECT reason FROM fanout.attempts WHERE result = 'done'"))
    assert reason == (None if lines else "its handler does not want it")


def test_an_invalid_payload_on_a_route_is_dead_and_shows_its_route(board: Board) -> None:
    taken = route(board, "member.checked", "handler:user.verified")
    event_id = board.event("member.checked", {"userId": "nobody we know"})
    board.process(event_id)
    [(state, words, reason)] = board.rows(LEDGER, event_id)
    assert (state, words) == ("dead", f"route {taken.id}: to the handler user.verified")
    assert "userId" in reason
    assert "nobody we know" not in reason


def test_whoever_adds_and_removes_a_route_is_in_the_audit_with_the_reason(board: Board) -> None:
    added = route(board, "user.verified", "nobody", reason="a test run")
    assert (added.created_by, added.reason, added.position) == ("test_operator", "a test run", 1)
    remove_route(operator(board), added.id, reason="it has ended")
    target = f"user.verified {added.id}"
    assert board.rows("SELECT who, action, target, result FROM fanout.audit ORDER BY at") == [
        ("test_operator", "routes add", target, "added: a test run"),
        ("test_operator", "routes remove", target, "removed: it has ended"),
    ]


INVALID: tuple[tuple[str, dict[str, Any], str], ...] = (
    ("somewhere", {}, "expected nobody, handler:TYPE or webhook:NAME"),
    ("handler:", {}, "expected nobody, handler:TYPE or webhook:NAME"),
    ("nobody", {"condition": "[]"}, "expected a JSON object"),
    ("nobody", {"condition": '{"secret": '}, "expected a JSON object"),
    ("nobody", {"condition": '{"a": "' + "x" * 10_000 + '"}'}, "at most 10000 bytes"),
    # Postgres stores no such text.
    ("nobody", {"condition": r'{"secret": "\u0000"}'}, "expected no NUL"),
    ("nobody", {"position": 0}, "expected 1 to 2147483647"),
    ("nobody", {"position": 2**31}, "expected 1 to 2147483647"),
)


def test_an_invalid_route_is_refused_and_its_condition_quoted_nowhere(board: Board) -> None:
    for to, more, error in INVALID:
        with pytest.raises(UsageError) as refused:
            route(board, "user.verified", to, **more)
        assert error in str(refused.value)
        assert "secret" not in str(refused.value)
    assert list_routes(operator(board)) == []


def test_a_route_needs_a_handler_a_free_position_and_an_operator(board: Board) -> None:
    with pytest.raises(NotFound, match=r"did you mean user\.verified"):
        route(board, "member.checked", "handler:user.verifed")
    route(board, "user.verified", "nobody", position=1)
    with pytest.raises(Conflict, match=r"another route of user\.verified has this position"):
        route(board, "user.verified", "nobody", position=1)
    with pytest.raises(NotFound, match="no route 99"):
        remove_route(operator(board), 99)
    viewer = DatabaseSettings(dsn=board.database.viewer_dsn)
    with pytest.raises(ConfigurationError, match="member of fanout_operator"):
        add_route(viewer, "user.verified", "nobody", REACTION_HANDLERS)


def test_a_webhook_needs_the_family_push(board: Board) -> None:
    with pytest.raises(ConfigurationError, match="migrate --family push"):
        route(board, "user.verified", "webhook:crm")


@pytest.fixture
def desk(board: Board) -> Iterator[WebhookDesk]:
    """The same database with the family push, which came later."""
    migrate(board.database.dsn, reference_schema=False, family=Family.PUSH)
    desk = WebhookDesk(Stage(board.database))
    desk.switch_on()
    desk.forget()
    yield desk
    desk.forget()


@pytest.mark.parametrize("with_payload", [False, True])
def test_an_endpoint_of_a_route_hears_of_an_event_once(
    board: Board, desk: WebhookDesk, *, with_payload: bool
) -> None:
    with Receiver().serving() as receiver:
        desk.add(receiver, "another.type", with_payload=with_payload)
        taken = route(board, "user.verified", "webhook:endpoint-0")
        event_id = board.event("user.verified", VERIFIED)
        board.process(event_id)
        board.execute("UPDATE fanout.reactions SET state = 'pending'")
        board.process(event_id)
        desk.run()
        [seen] = receiver.seen
    words = f"route {taken.id}: to the webhook endpoint endpoint-0"
    assert board.rows(LEDGER, event_id) == [("done", words, words)]
    assert board.tasks() == []
    [(id_, cause)] = board.rows("SELECT id, cause FROM fanout.deliveries")
    endpoint_id = str(one(board.rows("SELECT id FROM fanout.webhook_endpoints")))
    assert (seen.id, cause) == (str(id_), f"events:{event_id}")
    account = read_reaction(operator(board), event_id)
    assert (account.event.route, account.came_of_it) == (words, [])
    [sent] = account.deliveries
    assert (sent.id, sent.state, sent.provider) == (id_, "done", "webhook:endpoint-0")
    assert outcome_of(sent).startswith("webhook:endpoint-0 accepted it")
    assert endpoint_id not in str(reaction_document(account))
    data = {"event_id": str(event_id), "aggregate_type": "order", "aggregate_id": None}
    assert seen.said["type"] == "user.verified"
    assert seen.said["data"] == (data | {"payload": VERIFIED} if with_payload else data)
    # Retention, which has no right on the table, takes both rows.
    with board.database.connect() as connection:
        connection.execute("SET ROLE fanout_jobs")
        connection.execute("DELETE FROM fanout.reactions")
    assert board.rows("SELECT FROM fanout.reaction_webhooks") == []


def test_why_calls_an_endpoint_that_fails_by_its_name(board: Board, desk: WebhookDesk) -> None:
    with Receiver(status=500).serving() as receiver:
        desk.add(receiver, "another.type")
        route(board, "user.verified", "webhook:endpoint-0")
        event_id = board.event("user.verified", VERIFIED)
        board.process(event_id)
        desk.run()
    [(id_,)] = board.rows("SELECT id FROM fanout.webhook_endpoints")
    [(reason,)] = board.rows("SELECT reason FROM fanout.deliveries")
    # Control: the ledger has its id, since its name may change hands.
    assert str(id_) in reason
    said = str(reaction_document(read_reaction(operator(board), event_id)))
    assert str(id_) not in said
    assert reason.replace(str(id_), "endpoint-0") in said


def test_an_endpoint_that_was_removed_is_told_of_by_why_and_holds_nothing_up(
    board: Board, desk: WebhookDesk
) -> None:
    with Receiver().serving() as receiver:
        desk.add(receiver, "another.type")
        route(board, "user.verified", "webhook:endpoint-0")
        remove_endpoint(desk.operator, "endpoint-0")
        event_id = board.event("user.verified", VERIFIED)
        board.process(event_id)
        desk.run()
        assert receiver.seen == []
    assert board.state(event_id) == ("done", 1, 0)
    assert desk.reasons() == [("cancelled", "the endpoint was removed")]


def test_the_push_role_reads_an_event_only_through_a_delivery_that_it_holds(
    board: Board, desk: WebhookDesk
) -> None:
    with Receiver().serving() as receiver:
        desk.add(receiver, "another.type", with_payload=True)
        route(board, "user.verified", "webhook:endpoint-0")
        board.process(board.event("user.verified", VERIFIED))
    read = "SELECT payload FROM fanout.webhook_reactions(ARRAY(SELECT id FROM fanout.deliveries))"
    with psycopg.connect(board.database.push_dsn, autocommit=True) as pushes:
        assert pushes.execute(read).fetchall() == []
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            pushes.execute("SELECT payload FROM reactions.events")
        # Control: with the lease it is read.
        board.execute(
            "UPDATE fanout.deliveries SET state = 'leased', lease_token = gen_random_uuid()"
        )
        assert len(pushes.execute(read).fetchall()) == 1
