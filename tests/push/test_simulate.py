"""What a setting would have done to pushes of the past."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Final
from uuid import UUID
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st

from pipeline.domain.delivery import Priority
from pipeline.push.budget import PushBudget
from pipeline.push.hours import DaySpan, RingingHours, SendWindow
from pipeline.push.simulate import PastPush, PushFigures, PushRules, simulate_pushes

NOON: Final = datetime(2026, 3, 2, 12, tzinfo=UTC)
NIGHT: Final = datetime(2026, 3, 2, 23, tzinfo=UTC)
ANN: Final = UUID(int=1)
BOB: Final = UUID(int=2)


def rules(per_hour: int = 2, per_day: int = 10) -> PushRules:
    return PushRules(
        zone=ZoneInfo("UTC"),
        hours=RingingHours(DaySpan(22 * 3600, 8 * 3600)),
        budget=PushBudget(per_hour=per_hour, per_day=per_day),
    )


def push(
    at: datetime = NOON,
    user: UUID = ANN,
    priority: Priority = Priority.NORMAL,
    expires_at: datetime | None = None,
) -> PastPush:
    return PastPush(user_id=user, at=at, priority=priority, expires_at=expires_at)


def figures(
    sent: int = 0, held: int = 0, over_budget: int = 0, expired: int = 0, people: int = 0
) -> PushFigures:
    return PushFigures(
        sent=sent, held=held, over_budget=over_budget, expired=expired, people=people
    )


def test_the_third_push_of_an_hour_is_too_much_and_an_hour_later_it_is_not() -> None:
    both = {ANN: rules(), BOB: rules()}
    three = [push(), push(), push(), push(user=BOB)]
    assert simulate_pushes(three, both) == figures(sent=3, over_budget=1, people=1)
    later = [push(), push(), push(NOON + timedelta(hours=1))]
    assert simulate_pushes(later, both) == figures(sent=3)


def test_a_push_of_hours_ago_counts_for_the_day_until_it_is_over() -> None:
    two_hours = timedelta(hours=2)
    pushes = [push(), push(NOON + two_hours), push(NOON + 2 * two_hours)]
    a_day = {ANN: rules(per_day=2)}
    assert simulate_pushes(pushes, a_day) == figures(sent=2, over_budget=1, people=1)
    assert simulate_pushes([*pushes[:2], push(NOON + timedelta(days=1))], a_day) == figures(sent=3)


def test_what_was_held_at_night_meets_the_budget_of_the_morning() -> None:
    held = [push(NIGHT) for _ in range(3)]
    assert simulate_pushes(held, {ANN: rules()}) == figures(sent=2, held=3, over_budget=1, people=1)


def test_what_expires_before_the_morning_is_not_sent() -> None:
    morning = datetime(2026, 3, 3, 8, tzinfo=UTC)
    pushes = [
        push(NIGHT, expires_at=morning),
        push(NIGHT, expires_at=morning + timedelta(seconds=1)),
    ]
    assert simulate_pushes(pushes, {ANN: rules()}) == figures(sent=1, held=2, expired=1, people=1)


def test_in_hours_that_allow_nothing_what_never_expires_comes_to_nothing() -> None:
    noon = SendWindow(frozenset({1}), DaySpan(12 * 3600, 13 * 3600))
    never = replace(rules(), hours=RingingHours(DaySpan(11 * 3600, 14 * 3600), (noon,)))
    assert simulate_pushes([push()], {ANN: never}) == figures(held=1, expired=1, people=1)


def test_what_is_critical_is_always_sent_and_counts_for_nobody() -> None:
    pushes = [push(NIGHT, priority=Priority.CRITICAL) for _ in range(20)]
    assert simulate_pushes(pushes, {ANN: rules()}) == figures(sent=20)


@given(
    minutes=st.lists(st.integers(0, 3 * 24 * 60), max_size=30),
    per_hour=st.integers(0, 3),
    per_day=st.integers(0, 5),
)
def test_every_push_is_sent_is_too_much_or_expires(
    minutes: list[int], per_hour: int, per_day: int
) -> None:
    pushes = [push(NOON + timedelta(minutes=each)) for each in minutes]
    found = simulate_pushes(pushes, {ANN: rules(per_hour, per_day)})
    assert found.sent + found.over_budget + found.expired == len(pushes)
    more = simulate_pushes(pushes, {ANN: rules(per_hour + 1, per_day + 1)})
    assert more.held == found.held
