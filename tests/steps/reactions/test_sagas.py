"""Sagas on Postgres: moves by compare-and-set, time by due events; both at once, twice, late."""

import random
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from pipeline.domain.lease import Settlement
from pipeline.ops.reactions.explain import read_reaction
from pipeline.ops.reactions.words import state, try_line
from pipeline.ops.replay.selector import Selector
from pipeline.settings import DatabaseSettings
from pipeline.sinks.reaction_results import write_reaction_results
from pipeline.steps.reactions.claim import ReactionClaims
from pipeline.steps.reactions.react import react
from tests.reactions.asking import AMARA, GRACE, LEO, TALK
from tests.steps.reactions.board import Board, one
from tests.steps.reactions.test_replay import replay

HOUR = 3600.0
DAY = 24 * HOUR
EVALUATIONS = (
    "SELECT context_json ->> 'reason' FROM reactions.agent_tasks"
    " WHERE task_type = 'final_evaluation' AND context_id = %s"
)
OFFER = UUID("f0000000-0000-4000-8000-000000000009")
PEOPLE = {"offeringUserId": str(AMARA), "introduceeUserId": str(LEO)}


def research(board: Board) -> UUID:
    """Begin the research; return the workflow."""
    said = {"userId": str(AMARA), "conversationId": str(TALK), "requestDescription": "A lender"}
    event_id = board.event("user.inquiry.solution_needed", said)
    run_all(board)
    return UUID(
        one(
            board.rows(
                "SELECT context_json ->> 'workflowId' FROM reactions.agent_tasks"
                " WHERE event_id = %s",
                event_id,
            )
        )
    )


def ask(board: Board, workflow: UUID | None = None, asked: Sequence[UUID] = ()) -> UUID:
    request_id = uuid4()
    board.execute(
        "INSERT INTO reactions.community_requests (id, event_id, question, expertise_needed,"
        " desired_outcome, urgency, target_user_ids, details, context_type, context_id,"
        " created_at, expires_at) VALUES (%s, %s, '?', '{}', 'backchannel', 'medium', %s, '{}', %s,"
        " %s, now(), now() + interval '7 days')",
        *(request_id, uuid4(), list(asked), workflow and "solution_workflow", workflow),
    )
    return request_id


def answer(board: Board, request_id: UUID, response: UUID | None = None, by: UUID = GRACE) -> UUID:
    said = {
        "responseId": str(response or uuid4()),
        "requestId": str(request_id),
        "expertUserId": str(by),
    }
    return board.event("community.response_received", said)


def decide(board: Board, *ids: UUID) -> list[Settlement]:
    """A worker reads and decides, and has not written yet."""
    reactor = board.reactor()
    leases = ReactionClaims(reactor).claim(ids, most=len(ids))
    assert {each.values["event_id"] for each in leases} == set(ids)
    return react(reactor, leases)


def write(board: Board, settlements: Sequence[Settlement]) -> None:
    write_reaction_results(board.reactor().database, settlements)


def run_all(board: Board) -> None:
    while board.process():
        pass


def workflow_row(board: Board, workflow: UUID) -> tuple[Any, ...]:
    [row] = board.rows(
        "SELECT status, cardinality(responses) FROM reactions.solution_workflows WHERE id = %s",
        workflow,
    )
    return row


def test_the_second_response_ends_the_waiting_and_the_time_changes_nothing(board: Board) -> None:
    workflow = research(board)
    assert workflow_row(board, workflow) == ("awaiting_expert_responses", 0)
    board.process(answer(board, ask(board, workflow)))
    assert board.rows(EVALUATIONS, workflow) == []
    board.process(answer(board, ask(board, workflow)))
    assert board.rows(EVALUATIONS, workflow) == [("enough responses",)]
    board.later(DAY)
    run_all(board)
    board.process(answer(board, ask(board, workflow)))
    assert board.rows(EVALUATIONS, workflow) == [("enough responses",)]
    assert workflow_row(board, workflow) == ("final_evaluation", 2)


def test_the_time_ends_the_waiting_at_24_hours_and_not_before(board: Board) -> None:
    workflow = research(board)
    due = "SELECT next_attempt_at - created_at FROM fanout.reactions WHERE event_type = %s"
    [[pause]] = board.rows(due, "solution.time_over")
    assert timedelta(hours=23, minutes=59) < pause <= timedelta(hours=24)
    board.process(answer(board, ask(board, workflow)))
    board.later(DAY - 60)
    run_all(board)
    assert board.rows(EVALUATIONS, workflow) == []
    board.later(60)
    run_all(board)
    board.process(answer(board, ask(board, workflow)))
    assert board.rows(EVALUATIONS, workflow) == [("time is over",)]
    assert workflow_row(board, workflow) == ("final_evaluation", 1)


def both_at_once(board: Board, workflow: UUID) -> tuple[list[Settlement], list[Settlement]]:
    """Two workers: one has the second response, the other has the end of the time."""
    board.process(answer(board, ask(board, workflow)))
    board.later(DAY)
    over = one(
        board.rows("SELECT id FROM reactions.events WHERE event_type = 'solution.time_over'")
    )
    second = answer(board, ask(board, workflow))
    timed = decide(board, over)
    return timed, decide(board, second)


@pytest.mark.parametrize("first", [0, 1])
def test_of_both_at_once_the_first_ends_it_and_the_other_sees_that(
    board: Board, first: int
) -> None:
    workflow = research(board)
    found = both_at_once(board, workflow)
    write(board, found[first])
    write(board, found[1 - first])
    # The other one is put back, without a try that counts, and asked again.
    late = found[1 - first][0].lease.values["event_id"]
    assert board.state(late) == ("waiting", 1, 0)
    run_all(board)
    assert board.state(late)[0] == "done"
    assert len(board.rows(EVALUATIONS, workflow)) == 1
    assert workflow_row(board, workflow)[0] == "final_evaluation"


def test_control_without_the_comparison_it_ends_twice(board: Board) -> None:
    workflow = research(board)
    timed, second = both_at_once(board, workflow)
    write(board, timed)
    write(board, [replace(each, values={**each.values, "moves": None}) for each in second])
    assert len(board.rows(EVALUATIONS, workflow)) == 2


def test_in_one_batch_each_response_counts(board: Board) -> None:
    workflow = research(board)
    ids = [answer(board, ask(board, workflow)) for _ in range(3)]
    board.process(*ids)
    run_all(board)
    assert [board.state(each)[0] for each in ids] == ["done"] * 3
    assert board.rows(EVALUATIONS, workflow) == [("enough responses",)]
    assert workflow_row(board, workflow) == ("final_evaluation", 2)


def test_of_two_first_responses_at_once_both_count(board: Board) -> None:
    workflow = research(board)
    ids = [answer(board, ask(board, workflow)) for _ in range(2)]
    for decided in [decide(board, each) for each in ids]:
        write(board, decided)
    assert board.state(ids[1]) == ("waiting", 1, 0)
    run_all(board)
    assert board.rows(EVALUATIONS, workflow) == [("enough responses",)]
    assert workflow_row(board, workflow) == ("final_evaluation", 2)


def test_a_response_that_comes_twice_counts_once(board: Board) -> None:
    workflow, response = research(board), uuid4()
    request = ask(board, workflow)
    board.process(answer(board, request, response))
    board.process(answer(board, request, response))
    assert workflow_row(board, workflow) == ("awaiting_expert_responses", 1)
    told = "SELECT count(*) FROM reactions.agent_tasks WHERE task_type = %s"
    assert one(board.rows(told, "process_community_response")) == 1


def test_whatever_the_order_and_the_workers_there_is_one_evaluation(board: Board) -> None:
    chance = random.Random(17)  # noqa: S311 - a test
    for _ in range(4):
        workflow = research(board)
        requests = [ask(board, workflow) for _ in range(2)]
        responses = [uuid4() for _ in range(3)]
        ids = [answer(board, chance.choice(requests), each) for each in (*responses, responses[0])]
        board.later(DAY)
        chance.shuffle(ids)
        with ThreadPoolExecutor(3) as pool:
            list(pool.map(lambda _: run_all(board), range(3)))
        run_all(board)
        assert {board.state(each)[0] for each in ids} == {"done"}
        assert len(board.rows(EVALUATIONS, workflow)) == 1
        assert workflow_row(board, workflow)[0] == "final_evaluation"


def test_a_lost_lease_moves_nothing(board: Board) -> None:
    workflow = research(board)
    event_id = answer(board, ask(board, workflow))
    decided = decide(board, event_id)
    board.later(HOUR)
    other = decide(board, event_id)
    write(board, decided)
    assert workflow_row(board, workflow) == ("awaiting_expert_responses", 0)
    write(board, other)
    assert workflow_row(board, workflow) == ("awaiting_expert_responses", 1)


def test_a_request_is_closed_when_all_have_answered(board: Board) -> None:
    request = ask(board, asked=[GRACE, LEO])
    board.process(answer(board, request))
    board.process(answer(board, request))
    closed = "SELECT status, closed_at IS NOT NULL FROM reactions.community_requests WHERE id = %s"
    assert board.rows(closed, request) == [("open", False)]
    board.process(answer(board, request, by=LEO))
    assert board.rows(closed, request) == [("closed", True)]


def test_a_row_of_an_application_may_have_null_for_none(board: Board) -> None:
    workflow = research(board)
    request = ask(board, workflow)
    board.execute("ALTER TABLE reactions.solution_workflows ALTER responses DROP NOT NULL")
    board.execute("UPDATE reactions.solution_workflows SET responses = NULL")
    for column in ("responses", "target_user_ids", "answered_by"):
        board.execute(f"ALTER TABLE reactions.community_requests ALTER {column} DROP NOT NULL")
    board.execute(
        "UPDATE reactions.community_requests"
        " SET responses = NULL, target_user_ids = NULL, answered_by = NULL"
    )
    board.process(answer(board, request))
    assert workflow_row(board, workflow) == ("awaiting_expert_responses", 1)
    counted = "SELECT cardinality(responses), answered_by FROM reactions.community_requests"
    assert board.rows(counted) == [(1, [GRACE])]
    # Its time is over.
    board.execute("UPDATE reactions.solution_workflows SET responses = NULL")
    board.later(DAY)
    board.process()
    assert workflow_row(board, workflow)[0] == "final_evaluation"


def offer(board: Board, kind: str, **said: object) -> UUID:
    payload = {"introOfferId": str(OFFER), **PEOPLE, **said}
    event_id = board.event(f"intro.offer_{kind}", payload)
    board.process(event_id)
    return event_id


def standing(board: Board) -> tuple[Any, ...]:
    """The status of the offer, and of the items: of the introducee, and of who offers."""
    [(status,)] = board.rows("SELECT status FROM reactions.intro_offers")
    items = dict(board.rows("SELECT item_type, status FROM reactions.inbox_items"))
    return status, items.get("intro_offer"), items.get("intro_offer_confirmation")


def templates(board: Board) -> list[str]:
    rows = board.rows("SELECT template FROM reactions.message_queue ORDER BY 1")
    return [template for (template,) in rows]


def test_an_offer_is_accepted_confirmed_and_not_reminded_any_more(board: Board) -> None:
    offer(board, "created")
    assert standing(board) == ("offered", "active", None)
    offer(board, "accepted")
    offer(board, "accepted")
    assert standing(board) == ("accepted", "actioned", "active")
    offer(board, "confirmed")
    assert standing(board) == ("confirmed", "actioned", "actioned")
    board.later(8 * DAY)
    run_all(board)
    assert standing(board) == ("confirmed", "actioned", "actioned")
    assert templates(board) == [
        "intro_offer_confirmed_connector",
        "intro_offer_confirmed_introducee",
    ]


def test_an_accepted_offer_is_reminded_after_three_days_and_ends_after_seven(board: Board) -> None:
    offer(board, "created")
    offer(board, "accepted")
    board.later(3 * DAY - 60)
    run_all(board)
    assert templates(board) == []
    board.later(60)
    run_all(board)
    assert templates(board) == ["intro_offer_confirmation_reminder"]
    assert standing(board) == ("accepted", "actioned", "active")
    board.later(4 * DAY)
    run_all(board)
    assert standing(board) == ("expired", "actioned", "expired")
    offer(board, "confirmed")
    assert standing(board)[0] == "expired"
    assert len(templates(board)) == 1


def test_a_declined_offer_expires_its_item(board: Board) -> None:
    offer(board, "created")
    offer(board, "declined")
    offer(board, "accepted")
    assert standing(board) == ("declined", "expired", None)


def test_a_confirmation_before_the_acceptance_waits_for_it(board: Board) -> None:
    offer(board, "created")
    offer(board, "confirmed")
    assert standing(board)[0] == "offered"
    offer(board, "accepted")
    board.later(61)
    run_all(board)
    assert standing(board) == ("confirmed", "actioned", "actioned")


def test_a_confirmation_without_an_acceptance_is_looked_at_eight_times_more_and_then_dead(
    board: Board,
) -> None:
    offer(board, "created")
    first = offer(board, "confirmed")
    for _ in range(8):
        board.later(61)
        run_all(board)
    states = "SELECT state, count(*) FROM fanout.reactions WHERE event_type = %s GROUP BY 1"
    assert dict(board.rows(states, "intro.offer_confirmed")) == {"done": 8, "dead": 1}
    assert standing(board)[0] == "offered"
    reason = (
        "the acceptance of its offer did not come, and the event was looked at again every minute"
    )
    [(key, error_class, message)] = board.rows(
        "SELECT letter_key, error_class, message FROM event_dead_letters"
    )
    assert (error_class, message) == ("GaveUp", reason)
    last = UUID(key.removeprefix("events:"))
    operator = DatabaseSettings(dsn=board.database.operator_dsn)
    account = read_reaction(operator, last)
    assert account.event.cause_type == "intro.offer_confirmed"
    assert (state(account), try_line(account.tries[-1]).partition(", ")[0]) == (
        *("dead after 1 try", f"dead (GaveUp): {reason.partition(', ')[0]}"),
    )
    # From the one that the application wrote, one gets there step by step.
    walked = read_reaction(operator, first)
    while walked.came_of_it:
        [next_one] = walked.came_of_it
        walked = read_reaction(operator, next_one.id)
    assert walked.event.id == last
    # It is accepted at last: a replay confirms it.
    offer(board, "accepted")
    replay(board, Selector(events=(last,)))
    run_all(board)
    assert standing(board) == ("confirmed", "actioned", "actioned")
