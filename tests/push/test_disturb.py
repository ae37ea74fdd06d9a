"""Who is disturbed by a batch of pushes, and who is not."""

from collections import defaultdict
from datetime import UTC, datetime, timedelta
from typing import Final
from uuid import UUID
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st

from pipeline.domain.delivery import Priority
from pipeline.push.budget import DAY, HOUR, PushBudget
from pipeline.push.disturb import PersonNow, WantedPush, decide_pushes
from pipeline.push.hours import DaySpan, RingingHours
from pipeline.push.verdict import Disturb, OverBudget, QuietUntil, Unwanted

NOON: Final = datetime(2026, 3, 2, 12, tzinfo=UTC)
NIGHT: Final = datetime(2026, 3, 2, 23, tzinfo=UTC)
MORNING: Final = datetime(2026, 3, 3, 8, tzinfo=UTC)
ANN: Final = UUID(int=1)
BOB: Final = UUID(int=2)


def person(**changes: object) -> PersonNow:
    values = {
        "zone": ZoneInfo("UTC"),
        "hours": RingingHours(DaySpan(22 * 3600, 8 * 3600)),
        "budget": PushBudget(),
    }
    return PersonNow(**{**values, **changes})  # type: ignore[arg-type]


def push(sequence: int = 1, user: UUID = ANN, **changes: object) -> WantedPush:
    values = {"priority": Priority.NORMAL, "due_at": NOON}
    return WantedPush(sequence=sequence, user_id=user, **{**values, **changes})  # type: ignore[arg-type]


def test_by_day_the_phone_rings_and_at_night_it_waits_for_the_morning() -> None:
    people = {ANN: person()}
    assert decide_pushes([push()], people, NOON) == {1: Disturb()}
    assert decide_pushes([push()], people, NIGHT) == {1: QuietUntil(MORNING)}


def test_who_is_active_at_night_is_awake_but_has_a_budget() -> None:
    active = {ANN: person(is_active=True)}
    assert decide_pushes([push()], active, NIGHT) == {1: Disturb()}
    spent = {ANN: person(is_active=True, last_hour=2, last_day=2)}
    assert decide_pushes([push()], spent, NIGHT) == {1: OverBudget(has_digest=False)}


def test_quiet_hours_are_the_answer_before_the_budget_is() -> None:
    assert decide_pushes([push()], {ANN: person(last_day=10)}, NIGHT) == {1: QuietUntil(MORNING)}


def test_what_is_left_of_a_budget_is_counted_within_a_batch_by_urgency_and_time() -> None:
    pushes = [
        push(1, priority=Priority.LOW),
        push(2, due_at=NOON + timedelta(seconds=1)),
        push(3, has_digest=True),
        push(4, user=BOB),
        push(5, priority=Priority.HIGH),
    ]
    people = {ANN: person(last_hour=0, last_day=8), BOB: person()}
    assert decide_pushes(pushes, people, NOON) == {
        1: OverBudget(has_digest=False),
        2: OverBudget(has_digest=False),
        3: Disturb(),
        4: Disturb(),
        5: Disturb(),
    }


def test_what_is_critical_passes_all_but_the_persons_word_and_spends_nothing() -> None:
    people = {ANN: person(last_hour=9, last_day=99), BOB: person(last_hour=1)}
    critical = Priority.CRITICAL
    pushes = [
        push(1, priority=critical),
        push(2, unwanted="muted", priority=critical),
        push(3, user=BOB, priority=critical),
        push(4, user=BOB, priority=critical),
        push(5, user=BOB),
    ]
    assert decide_pushes(pushes, people, NOON) == {
        1: Disturb(),
        2: Unwanted("muted"),
        3: Disturb(),
        4: Disturb(),
        5: Disturb(),
    }
    assert decide_pushes(pushes[:1], people, NIGHT) == {1: Disturb()}


def test_what_is_counted_already_is_not_over_budget_but_waits_in_quiet_hours() -> None:
    people = {ANN: person(last_hour=2)}
    again = [push(is_counted=True)]
    assert decide_pushes(again, people, NOON) == {1: Disturb()}
    assert decide_pushes(again, people, NIGHT) == {1: QuietUntil(MORNING)}


budgets: Final = st.builds(PushBudget, per_hour=st.integers(0, 3), per_day=st.integers(0, 6))
times: Final = st.lists(
    st.integers(0, 48 * 60).map(lambda minute: NOON + timedelta(minutes=minute)), max_size=40
).map(sorted)


@given(budget=budgets, at=times)
def test_no_hour_and_no_day_ever_has_more_than_the_budget(
    budget: PushBudget, at: list[datetime]
) -> None:
    sent: list[datetime] = []
    for each in at:
        if not budget.is_spent_by(sent, each):
            sent.append(each)
    for first in sent:
        assert sum(first <= each < first + HOUR for each in sent) <= budget.per_hour
        assert sum(first <= each < first + DAY for each in sent) <= budget.per_day
    for refused in set(at) - set(sent):
        recent = [each for each in sent if refused - DAY < each <= refused]
        in_hour = [each for each in recent if each > refused - HOUR]
        assert len(in_hour) >= budget.per_hour or len(recent) >= budget.per_day


batches: Final = st.lists(
    st.builds(
        push,
        st.integers(1, 10_000),
        st.sampled_from([ANN, BOB]),
        priority=st.sampled_from(Priority),
        due_at=st.integers(0, 5).map(lambda second: NOON + timedelta(seconds=second)),
        unwanted=st.sampled_from([None, None, None, "muted", "no_access"]),
        is_counted=st.booleans(),
    ),
    max_size=20,
    unique_by=lambda each: each.sequence,
)


@given(batch=batches, budget=budgets, before=st.integers(0, 4))
def test_a_batch_never_rings_more_often_than_the_budget_allows(
    batch: list[WantedPush], budget: PushBudget, before: int
) -> None:
    someone = person(budget=budget, last_hour=before, last_day=before)
    verdicts = decide_pushes(batch, {ANN: someone, BOB: someone}, NOON)
    assert verdicts.keys() == {each.sequence for each in batch}
    rung: defaultdict[UUID, int] = defaultdict(int)
    left_out = set()
    for each in batch:
        verdict = verdicts[each.sequence]
        if each.unwanted:
            assert verdict == Unwanted(each.unwanted)
        elif each.priority is Priority.CRITICAL or each.is_counted:
            assert verdict == Disturb()
        elif verdict == Disturb():
            rung[each.user_id] += 1
        else:
            assert verdict == OverBudget(has_digest=False)
            left_out.add(each.user_id)
    most = max(0, min(budget.per_hour, budget.per_day) - before)
    assert all(number <= most for number in rung.values())
    assert all(rung[user] == most for user in left_out)
