"""Events through claim, handlers and write, on a database without tables of other families."""

import json
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest

from pipeline.domain.identifiers import EventType
from pipeline.domain.record import RecordKey
from pipeline.reactions.camel import CamelPayload
from pipeline.reactions.effects import InboxItem, ItemStatus, TemplateMessage
from pipeline.reactions.events import ReactionEvent
from pipeline.reactions.facts import Answers, Question
from pipeline.reactions.handler import ReactionHandler
from pipeline.reactions.handlers.registry import reaction_handlers
from pipeline.reactions.outcome import Done, GaveUp, ReactionOutcome, RetryAt, done
from pipeline.sinks.reaction_results import write_reaction_results
from pipeline.steps.reactions.claim import ReactionClaims
from pipeline.steps.reactions.react import react
from tests.reactions.asking import AMARA, GRACE, INTRO, LEO, TALK
from tests.steps.reactions.board import Board, one

VERIFIED = {"userId": str(AMARA)}
SAID = {"userId": str(AMARA), "conversationId": str(TALK)}


class Anything(CamelPayload):
    """Any payload."""

    user_id: str | None = None


class Falls(ReactionHandler[Anything]):
    """Always raises, with a value of the event in its text."""

    event_type = EventType("test.fails")
    payload = Anything

    def react(self, event: ReactionEvent[Anything], answers: Answers) -> ReactionOutcome:
        raise RuntimeError({"secret": event.payload.user_id})


class NotYet(ReactionHandler[Anything]):
    """Asks for tomorrow."""

    event_type = EventType("test.not_yet")
    payload = Anything

    def react(self, event: ReactionEvent[Anything], answers: Answers) -> ReactionOutcome:
        at = event.created_at + timedelta(days=1)
        return RetryAt(at=at, reason="it is too early")


class Never(ReactionHandler[Anything]):
    """Gives up."""

    event_type = EventType("test.never")
    payload = Anything

    def react(self, event: ReactionEvent[Anything], answers: Answers) -> ReactionOutcome:
        return GaveUp(reason="it makes no sense")


class Offers(ReactionHandler[Anything]):
    """Puts an item into the inbox and queues a message."""

    event_type = EventType("test.offers")
    payload = Anything

    def react(self, event: ReactionEvent[Anything], answers: Answers) -> Done:
        return done(
            InboxItem(name="item", user_id=AMARA, item_type="intro", item_id=INTRO, score=70),
            TemplateMessage(
                name="message", user_id=AMARA, template="offer", scheduled_for=event.created_at
            ),
        )


class Accepts(ReactionHandler[Anything]):
    """Actions the item."""

    event_type = EventType("test.accepts")
    payload = Anything

    def react(self, event: ReactionEvent[Anything], answers: Answers) -> Done:
        status = ItemStatus.ACTIONED
        return done(
            InboxItem(name="i", user_id=AMARA, item_type="intro", item_id=INTRO, status=status)
        )


@pytest.fixture
def tests_own(board: Board) -> Board:
    own = [Falls(), NotYet(), Never(), Offers(), Accepts()]
    board.handlers = reaction_handlers(own)
    return board


def test_an_event_is_processed_with_all_that_follows(board: Board) -> None:
    event_id = board.event(
        "user.inquiry.solution_needed",
        {**SAID, "requestDescription": "A lender", "urgency": "high"},
        metadata={"corr": "c1"},
    )
    assert board.process(event_id) == 1
    assert board.tasks() == [("research_solution", AMARA, 1)]
    # The metadata of the caller stays as it is.
    assert board.rows(
        "SELECT event_type, processed, metadata FROM reactions.events"
        " ORDER BY created_by NULLS FIRST, event_type"
    ) == [
        ("user.inquiry.solution_needed", True, {"corr": "c1"}),
        ("solution.research_initiated", False, {"cause": str(event_id)}),
        ("solution.time_over", False, {"cause": str(event_id)}),
    ]
    assert board.state(event_id) == ("done", 1, 0)
    chained = "SELECT state, depth FROM fanout.reactions WHERE event_id <> %s ORDER BY state"
    assert board.rows(chained, event_id) == [("pending", 1), ("waiting", 1)]


def test_f40_an_event_that_comes_three_times_to_four_workers_is_processed_once(
    board: Board,
) -> None:
    ids = [board.event("user.verified", VERIFIED) for _ in range(40)]
    with ThreadPoolExecutor(4) as workers:
        list(workers.map(lambda _: board.process(*ids, most=7), range(24)))
    while board.process(*ids):
        pass
    assert len(board.tasks()) == 40
    assert one(board.rows("SELECT count(*) FROM fanout.attempts")) == 40


@pytest.mark.parametrize("other_ended", [True, False], ids=["it ended", "it goes on"])
def test_a_worker_whose_lease_was_taken_over_writes_nothing(
    board: Board, *, other_ended: bool
) -> None:
    event_id = board.event("user.verified", VERIFIED)
    slow, other = board.reactor(), board.reactor()
    settlements = react(slow, ReactionClaims(slow).claim())
    board.later(60)
    if other_ended:
        board.process()
        board.execute("DELETE FROM reactions.agent_tasks")
    else:
        assert len(ReactionClaims(other).claim()) == 1
    before = board.state(event_id)
    write_reaction_results(slow.database, settlements)
    assert board.tasks() == []
    assert board.state(event_id) == before


@pytest.mark.parametrize("is_lost", [True, False], ids=["lost", "control"])
def test_a_dead_letter_is_told_only_by_the_worker_that_wrote_it(
    tests_own: Board, *, is_lost: bool
) -> None:
    event_id = tests_own.event("test.never", {})
    reactor = tests_own.reactor()
    settlements = react(reactor, ReactionClaims(reactor).claim())
    if is_lost:
        tests_own.execute("UPDATE fanout.reactions SET lease_token = gen_random_uuid()")
    letters = write_reaction_results(reactor.database, settlements)
    told = [] if is_lost else [RecordKey("events", str(event_id))]
    assert [each.record for each in letters] == told


def test_not_yet_at_a_time_that_has_passed_is_asked_again_after_a_second(tests_own: Board) -> None:
    tests_own.event("test.not_yet", {})
    reactor = tests_own.reactor()
    long_after = datetime.now(UTC) + timedelta(days=300)
    [settlement] = react(reactor, ReactionClaims(reactor).claim(), lambda: long_after)
    assert settlement.due_at == long_after + timedelta(seconds=1)


def test_control_a_worker_that_holds_its_lease_writes(board: Board) -> None:
    board.event("user.verified", VERIFIED)
    slow = board.reactor()
    write_reaction_results(slow.database, react(slow, ReactionClaims(slow).claim()))
    assert len(board.tasks()) == 1


def test_what_a_killed_worker_had_is_processed_when_its_lease_ends(board: Board) -> None:
    event_id = board.event("user.verified", VERIFIED)
    assert len(ReactionClaims(board.reactor()).claim()) == 1
    assert board.process() == 0
    board.later(60)
    assert board.process() == 1
    assert board.state(event_id) == ("done", 2, 0)
    results = "SELECT result FROM fanout.attempts ORDER BY number"
    assert board.rows(results) == [("lost",), ("done",)]


def test_an_event_whose_message_was_lost_is_found(board: Board) -> None:
    event_id = board.event("user.verified", VERIFIED, processed=None)
    assert board.process() == 1
    assert board.state(event_id) == ("done", 1, 0)


def test_events_whose_messages_were_lost_are_not_looked_for_at_each_claim(board: Board) -> None:
    claims = ReactionClaims(board.reactor(), find_seconds=3_600)
    assert claims.claim() == []
    lost, named = (board.event("user.verified", VERIFIED) for _ in range(2))
    assert [each.values["event_id"] for each in claims.claim([named])] == [named]
    assert claims.claim() == []
    found = ReactionClaims(board.reactor()).claim()
    assert [each.values["event_id"] for each in found] == [lost]


def test_an_event_that_was_processed_before_is_never_run(board: Board) -> None:
    event_id = board.event("user.verified", VERIFIED, processed=True)
    assert board.process(event_id) == 0
    assert board.rows("SELECT FROM fanout.reactions") == []


def test_to_set_processed_back_is_no_replay(board: Board) -> None:
    event_id = board.event("user.verified", VERIFIED)
    board.process()
    board.execute("UPDATE reactions.events SET processed = false")
    board.execute("DELETE FROM reactions.agent_tasks")
    assert board.process(event_id) == 0
    assert board.tasks() == []


def test_a_handler_that_fails_before_it_knows_anything_costs_the_others_nothing(
    board: Board,
) -> None:
    class Asks(Offers):
        def questions(self, event: ReactionEvent[Anything]) -> tuple[Question, ...]:
            raise RuntimeError({"secret": event.payload.user_id})

    board.handlers = reaction_handlers([Asks(), Never()])
    bad, good = board.event("test.offers", {}), board.event("test.never", {})
    board.process()
    assert board.state(bad) == ("waiting", 1, 1)
    assert board.state(good) == ("dead", 1, 1)


def test_f17_a_retry_stands_where_its_new_time_is(tests_own: Board) -> None:
    board = tests_own
    for _ in range(20):
        board.event("test.fails", {})
    board.process(most=20)
    board.later(11)
    # All twenty are due again, and before this one: they are tried once more, not until they die.
    healthy = board.event("test.offers", {})
    board.process(most=20)
    assert board.state(healthy)[0] == "pending"
    assert board.process(most=20) == 1
    assert board.state(healthy) == ("done", 1, 0)
    assert one(board.rows("SELECT min(attempts) FROM fanout.reactions WHERE failures > 0")) == 2


def test_f17_what_was_due_before_a_retry_goes_first(tests_own: Board) -> None:
    board = tests_own
    failing = board.event("test.fails", {})
    board.process()
    first, second = (board.event("test.offers", {}) for _ in range(2))
    # Both are found now, and the second one is left.
    assert board.process(most=1) == 1
    assert (board.state(first)[0], board.state(second)[0]) == ("done", "pending")
    board.later(11)
    assert board.process(most=1) == 1
    assert board.state(second) == ("done", 1, 0)
    assert board.state(failing) == ("waiting", 1, 1)


def test_not_yet_costs_no_try_and_is_asked_at_its_time(tests_own: Board) -> None:
    board = tests_own
    event_id = board.event("test.not_yet", {})
    board.process()
    assert board.process() == 0
    assert board.state(event_id) == ("waiting", 1, 0)
    late = (
        "SELECT ledger.next_attempt_at - event.created_at"
        " FROM fanout.reactions AS ledger JOIN reactions.events AS event"
        " ON event.id = ledger.event_id"
    )
    assert one(board.rows(late)) == timedelta(days=1)


def test_never_is_dead_after_one_try(tests_own: Board) -> None:
    event_id = tests_own.event("test.never", {})
    tests_own.process()
    assert tests_own.state(event_id) == ("dead", 1, 1)
    reason = "SELECT error_class, reason FROM fanout.reactions"
    assert tests_own.rows(reason) == [("GaveUp", "it makes no sense")]


@pytest.mark.parametrize("payload", [[], 1, None, {}, {"userId": "canary"}])
def test_an_invalid_payload_is_dead_and_quoted_nowhere(board: Board, payload: object) -> None:
    event_id = board.event("user.verified", payload)
    healthy = board.event("user.verified", VERIFIED)
    board.process()
    assert board.state(event_id) == ("dead", 1, 1)
    assert board.state(healthy) == ("done", 1, 0)
    [[reason]] = board.rows("SELECT reason FROM fanout.reactions WHERE state = 'dead'")
    assert reason.startswith("payload: ")
    assert "canary" not in reason


def test_a_message_moves_activity_forwards_only(board: Board) -> None:
    board.execute("INSERT INTO reactions.users (id) VALUES (%s)", AMARA)
    board.execute("INSERT INTO reactions.conversations (id, user_id) VALUES (%s, %s)", TALK, AMARA)
    newer, older = datetime(2026, 3, 2, tzinfo=UTC), datetime(2026, 3, 1, tzinfo=UTC)
    for at in (newer, older):
        board.event("user.message.received", SAID, created_at=at)
        board.process()
    assert one(board.rows("SELECT last_active_at FROM reactions.users")) == newer
    assert one(board.rows("SELECT last_message_at FROM reactions.conversations")) == newer


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_the_newest_intent_stays_in_whichever_order_they_come(
    board: Board, order: tuple[int, int]
) -> None:
    board.execute("INSERT INTO reactions.conversations (id, user_id) VALUES (%s, %s)", TALK, AMARA)
    for each in order:
        board.event(
            "conversation.intent_classified",
            {"conversationId": str(TALK), "intent": ["buy", "sell"][each], "confidence": 0.5},
            created_at=datetime(2026, 3, 1 + each, tzinfo=UTC),
        )
        board.process()
    assert board.rows("SELECT last_intent FROM reactions.conversations") == [("sell",)]
    assert board.tasks() == []


def test_credits_are_awarded_once_and_a_completed_introduction_stays(board: Board) -> None:
    board.execute(
        "INSERT INTO reactions.intro_opportunities VALUES (%s, 'open'), (%s, 'cancelled')",
        INTRO,
        TALK,
    )
    said = {"introId": str(INTRO), "connectorUserId": str(AMARA), "creditsAwarded": 25}
    board.event("intro.completed", said)
    board.process()
    at = "SELECT completed_at FROM reactions.intro_opportunities WHERE status = 'completed'"
    first = board.rows(at)
    board.event("intro.completed", said)
    board.event("intro.completed", {**said, "introId": str(TALK)})
    board.process()
    assert board.rows(at) == first
    awarded = "SELECT amount FROM reactions.credit_events WHERE idempotency_key LIKE %s"
    assert board.rows(awarded, f"%{INTRO}") == [(25,)]
    # What was cancelled is not completed later.
    status = "SELECT status FROM reactions.intro_opportunities WHERE id = %s"
    assert board.rows(status, TALK) == [("cancelled",)]


def test_experts_are_asked_once_within_seven_days(board: Board) -> None:
    board.execute(
        "INSERT INTO reactions.users (id, verified, expertise) VALUES"
        " (%s, true, '{hotels}'), (%s, true, '{hotels,loans}'), (%s, false, '{hotels}')",
        AMARA,
        LEO,
        GRACE,
    )
    said = {
        "question": "Who finances hotels?",
        "expertiseNeeded": ["hotels", "loans"],
        "requestingUserId": str(AMARA),
    }
    # Two in one batch, without a category: the second one sees the request of the first.
    for _ in range(2):
        board.event("community.request_needed", said)
    while board.process():
        pass
    # Not the one who asks, and nobody who is not verified.
    assert board.tasks() == [("community_request_available", LEO, 2)]
    follow_ups = "SELECT event_type FROM reactions.events WHERE created_by = 'reactions' ORDER BY 1"
    assert board.rows(follow_ups) == [
        ("community.request_attached",),
        ("community.request_routed",),
    ]
    board.execute("UPDATE reactions.community_requests SET created_at = now() - interval '8 days'")
    board.event("community.request_needed", said)
    board.process()
    assert len(board.tasks()) == 2


def test_a_response_reaches_who_asked(board: Board) -> None:
    said = {
        "question": "Who?",
        "requestingUserId": str(AMARA),
        "contextType": "solution_workflow",
        "contextId": str(INTRO),
    }
    board.event("community.request_needed", said)
    board.process()
    request = one(board.rows("SELECT id FROM reactions.community_requests"))
    board.event(
        "community.response_received",
        {"responseId": str(uuid4()), "requestId": str(request), "expertUserId": str(LEO)},
    )
    board.process()
    assert board.tasks() == [
        ("community_response_available", AMARA, 1),
        ("process_community_response", AMARA, 2),
    ]


def test_research_goes_to_the_conversation_with_the_newest_message(board: Board) -> None:
    board.execute(
        "INSERT INTO reactions.conversations (id, user_id, last_message_at) VALUES"
        " (%s, %s, '2026-03-01'), (%s, %s, '2026-03-02')",
        INTRO,
        AMARA,
        TALK,
        AMARA,
    )
    board.execute("INSERT INTO reactions.solution_workflows VALUES (%s, %s, 'open')", INTRO, AMARA)
    board.event("solution.research_complete", {"workflowId": str(INTRO), "userId": str(AMARA)})
    board.process()
    context: Any = one(board.rows("SELECT context_json FROM reactions.agent_tasks"))
    assert json.loads(json.dumps(context))["conversationId"] == str(TALK)
    assert board.rows("SELECT status FROM reactions.solution_workflows") == [("completed",)]


def test_an_item_is_made_once_and_its_end_is_final(tests_own: Board) -> None:
    board = tests_own
    for event_type in ("test.offers", "test.accepts", "test.offers"):
        board.event(event_type, {})
        board.process()
    assert board.rows("SELECT status, score FROM reactions.inbox_items") == [("actioned", 70)]
    assert one(board.rows("SELECT count(*) FROM reactions.message_queue")) == 2


@pytest.mark.parametrize(
    ("written", "status"),
    [
        (("test.offers", "test.accepts"), "actioned"),
        (("test.offers", "test.accepts", "test.offers"), "actioned"),
        # What does not exist yet cannot end.
        (("test.accepts", "test.offers"), "active"),
    ],
)
@pytest.mark.parametrize("most", [1, 500])
def test_an_item_ends_as_its_events_say_in_one_batch_or_in_several(
    tests_own: Board, written: tuple[str, ...], status: str, most: int
) -> None:
    for event_type in written:
        tests_own.event(event_type, {})
    while tests_own.process(most=most):
        pass
    assert tests_own.rows("SELECT status FROM reactions.inbox_items") == [(status,)]


def test_a_paused_type_waits_until_it_is_resumed(board: Board) -> None:
    board.execute(
        "INSERT INTO fanout.switches (name, state, reason) VALUES ('user.verified', 'paused', 'x')"
    )
    event_id = board.event("user.verified", VERIFIED)
    assert board.process() == 0
    assert board.state(event_id) == ("paused", 0, 0)
    board.execute("DELETE FROM fanout.switches")
    assert board.process() == 1
