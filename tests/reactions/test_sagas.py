"""The sagas as decisions: any order of events, and any interleaving of reads and writes.

A row here guards itself as the database does: a decision is written only if the row still stands as
it was read. What happens without this guard is the control.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.domain.delivery import Priority
from pipeline.reactions.effects import FollowUp, InboxItem, ItemStatus, Move, Task, TemplateMessage
from pipeline.reactions.facts import Answers, HoldersOf, KnownRequest, RequestOf, StandingOf
from pipeline.reactions.identifiers import ReactionId, RequestId
from pipeline.reactions.outcome import Done
from pipeline.reactions.saga import Saga, Standing
from tests.reactions.asking import AMARA, AT, GRACE, INTRO, LEO, asked

# The type of an event, and its payload.
Written = tuple[str, dict[str, Any]]
OFFER = {"introOfferId": str(INTRO)}
# As two workers: each reads, then writes, in any order.
STEPS = st.lists(st.integers(0, 4), min_size=10, max_size=40)


@dataclass
class Row:
    """A row of a saga, and what was written beside it."""

    standing: Standing
    saga: Saga
    guarded: bool = True
    written: list[Any] = field(default_factory=list)

    def write(self, seen: Standing, outcome: object) -> bool:
        """Write a decision; return False if the row has changed since it was seen."""
        assert isinstance(outcome, Done)
        moves = [each for each in outcome.effects if isinstance(each, Move)]
        move = next((each for each in moves if each.saga is self.saga), None)
        if move is not None:
            if self.guarded and seen != self.standing:
                return False
            responses = self.standing.responses
            if move.response is not None:
                responses += (move.response,)
            self.standing = Standing(status=move.status, responses=responses)
        self.written += outcome.effects
        return True


def interleave(row: Row, events: Sequence[Written], steps: Sequence[int]) -> None:
    """Let each event read and write at the steps that name it, until all are written."""
    waiting = dict(enumerate(events))
    seen: dict[int, Standing] = {}
    for step in (*steps, *(list(range(len(events))) * 2 * len(events))):
        if step not in waiting:
            continue
        if step not in seen:
            seen[step] = row.standing
            continue
        event_type, payload = waiting[step]
        known = answers(row.saga, seen[step], payload)
        outcome = asked(event_type, payload, known, event_id=ReactionId(UUID(int=step)))
        if row.write(seen.pop(step), outcome):
            del waiting[step]
    assert not waiting


def answers(saga: Saga, standing: Standing, payload: dict[str, Any]) -> Answers:
    if "requestId" not in payload:
        return Answers(standings={StandingOf(saga, INTRO): standing})
    # Each response is to a request of its own: the requests are not what is looked at here.
    known = KnownRequest(context_type="solution_workflow", context_id=INTRO, workflow=standing)
    return Answers(requests={RequestOf(RequestId(UUID(payload["requestId"]))): known})


def response(number: int) -> tuple[str, dict[str, Any]]:
    return "community.response_received", {
        "responseId": str(UUID(int=100 + number)),
        "requestId": str(UUID(int=200 + number)),
        "expertUserId": str(GRACE),
    }


TIME_OVER = ("solution.time_over", {"workflowId": str(INTRO)})
WAITING = Standing(status="awaiting_expert_responses")


def evaluations(row: Row) -> list[Task]:
    return [
        each
        for each in row.written
        if isinstance(each, Task) and each.task_type == "final_evaluation"
    ]


@given(steps=STEPS, events=st.permutations([*map(response, range(3)), response(0), TIME_OVER]))
@settings(max_examples=60, deadline=None)
def test_a_workflow_is_evaluated_exactly_once(steps: list[int], events: list[Written]) -> None:
    row = Row(WAITING, Saga.WORKFLOW)
    interleave(row, events, steps)
    [evaluation] = evaluations(row)
    assert row.standing.status == "final_evaluation"
    assert evaluation.context["responses"] <= 2
    assert len(set(row.standing.responses)) == len(row.standing.responses)


def test_control_without_the_guard_a_workflow_is_evaluated_twice() -> None:
    row = Row(replace(WAITING, responses=(UUID(int=9),)), Saga.WORKFLOW, guarded=False)
    interleave(row, [response(0), TIME_OVER], [0, 1, 0, 1])
    assert len(evaluations(row)) == 2


@pytest.mark.parametrize(("number", "is_evaluated"), [(1, False), (2, True)])
def test_two_responses_are_enough(number: int, *, is_evaluated: bool) -> None:
    row = Row(WAITING, Saga.WORKFLOW)
    interleave(row, [response(each) for each in range(number)], [])
    assert bool(evaluations(row)) is is_evaluated


PEOPLE = {"offeringUserId": str(AMARA), "introduceeUserId": str(LEO)}
CREATED = (
    "intro.offer_created",
    {**OFFER, **PEOPLE, "expiresAt": (AT + timedelta(days=7)).isoformat()},
)
ACCEPTED = ("intro.offer_accepted", {**OFFER, **PEOPLE})
DECLINED = ("intro.offer_declined", {**OFFER, "introduceeUserId": str(LEO)})
CONFIRMED = ("intro.offer_confirmed", {**OFFER, "offeringUserId": str(AMARA)})
OFFER_OVER = ("intro.offer_time_over", {**OFFER, **PEOPLE, "status": "accepted"})
REMINDER = ("intro.offer_reminder", {**OFFER, "offeringUserId": str(AMARA)})
ENDS = {"confirmed", "declined", "expired"}


@given(steps=STEPS, events=st.permutations([DECLINED, CONFIRMED, OFFER_OVER, REMINDER]))
@settings(max_examples=60, deadline=None)
def test_an_accepted_offer_has_exactly_one_end(steps: list[int], events: list[Written]) -> None:
    row = Row(Standing(status="accepted"), Saga.OFFER)
    interleave(row, events, steps)
    ends = [each.status for each in row.written if isinstance(each, Move)]
    assert ends == [row.standing.status]
    assert row.standing.status in ENDS


def test_control_without_the_guard_an_offer_ends_twice() -> None:
    row = Row(Standing(status="accepted"), Saga.OFFER, guarded=False)
    interleave(row, [DECLINED, CONFIRMED], [0, 1, 0, 1])
    assert len([each for each in row.written if isinstance(each, Move)]) == 2


def follows(event: tuple[str, dict[str, Any]], status: str) -> dict[str, Any]:
    outcome = asked(*event, answers(Saga.OFFER, Standing(status=status), event[1]))
    assert isinstance(outcome, Done)
    return {each.name: each for each in outcome.effects}


def test_an_accepted_offer_asks_for_a_confirmation_reminds_and_ends() -> None:
    found = follows(ACCEPTED, "offered")
    assert list(found) == ["offer", "item", "confirmation", "reminder", "time_over"]
    item, reminder, over = found["confirmation"], found["reminder"], found["time_over"]
    assert isinstance(item, InboxItem)
    assert isinstance(reminder, FollowUp)
    assert isinstance(over, FollowUp)
    week = timedelta(days=7)
    assert (item.user_id, item.score, item.expires_at) == (AMARA, 80, AT + week)
    assert (reminder.at, over.at) == (AT + timedelta(days=3), AT + week)
    # Once more, and it changes nothing.
    assert follows(ACCEPTED, "accepted") == {}


@pytest.mark.parametrize(("event", "status"), [(CREATED, "offered"), (ACCEPTED, "accepted")])
def test_the_event_that_ends_an_offer_names_both_people_and_the_status_that_it_ends(
    event: Written, status: str
) -> None:
    over = follows(event, "offered")["time_over"]
    assert isinstance(over, FollowUp)
    assert (over.type, over.aggregate_id) == (OFFER_OVER[0], INTRO)
    assert over.payload == {
        "introOfferId": INTRO,
        "offeringUserId": AMARA,
        "introduceeUserId": LEO,
        "status": status,
    }
    assert over.at == AT + timedelta(days=7)


@pytest.mark.parametrize(
    ("status", "now", "is_ended"),
    [
        # As the application may write it; it is undecided, as an offered one is.
        ("offered", "pending", True),
        ("offered", "offered", True),
        ("offered", "accepted", False),
        ("accepted", "accepted", True),
        ("accepted", "confirmed", False),
    ],
)
def test_an_offer_ends_only_if_it_has_not_moved_on(
    status: str, now: str, *, is_ended: bool
) -> None:
    found = follows((OFFER_OVER[0], {**OFFER_OVER[1], "status": status}), now)
    assert list(found) == (["offer", "intro_offer", "intro_offer_confirmation"] if is_ended else [])
    if is_ended:
        assert found["offer"].status == "expired"
        items = [found["intro_offer"], found["intro_offer_confirmation"]]
        assert [each.user_id for each in items] == [LEO, AMARA]
        assert {each.status for each in items} == {ItemStatus.EXPIRED}


@pytest.mark.parametrize("status", ["accepted", "confirmed", "declined", "expired"])
def test_an_offer_that_is_heard_of_after_its_answer_leads_to_nothing(status: str) -> None:
    assert follows(CREATED, status) == {}


def test_a_declined_offer_takes_the_confirmation_out_of_every_inbox() -> None:
    found = follows(DECLINED, "accepted")
    assert (found["item"].user_id, found["item"].status) == (LEO, ItemStatus.EXPIRED)
    assert (found["confirmation"].user_id, found["confirmation"].status) == (
        None,
        ItemStatus.EXPIRED,
    )


@pytest.mark.parametrize("status", ["offered", "confirmed", "declined", "expired", "pending"])
def test_only_who_still_has_to_confirm_is_reminded(status: str) -> None:
    [message] = follows(REMINDER, "accepted").values()
    assert isinstance(message, TemplateMessage)
    assert message.template == "intro_offer_confirmation_reminder"
    assert follows(REMINDER, status) == {}


def test_a_confirmation_that_comes_first_waits_a_minute_for_the_acceptance() -> None:
    [again] = follows(CONFIRMED, "offered").values()
    assert isinstance(again, FollowUp)
    assert (again.type, again.at) == (CONFIRMED[0], AT + timedelta(minutes=1))
    assert again.payload == CONFIRMED[1]


def test_an_offer_is_an_item_of_the_introducee_with_a_score_of_70() -> None:
    said = {"introOfferId": str(INTRO), "offeringUserId": str(AMARA), "introduceeUserId": str(LEO)}
    outcome = asked("intro.offer_created", said)
    assert isinstance(outcome, Done)
    [item] = [each for each in outcome.effects if isinstance(each, InboxItem)]
    assert (item.user_id, item.score, item.expires_at) == (LEO, 70, None)
    assert item.content["step"] == "introducee_decision"


def test_a_confirmed_offer_tells_both_and_the_messages_may_wait() -> None:
    known = Answers(
        standings={StandingOf(Saga.OFFER, INTRO): Standing(status="accepted")},
        holders={HoldersOf("intro_offer", INTRO): (LEO,)},
    )
    outcome = asked(*CONFIRMED, known)
    assert isinstance(outcome, Done)
    told = [each for each in outcome.effects if isinstance(each, TemplateMessage)]
    assert [each.user_id for each in told] == [LEO, AMARA]
    assert {(each.priority, each.can_delay) for each in told} == {(Priority.LOW, True)}
