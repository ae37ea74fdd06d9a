"""Switches and the breaker."""

from datetime import timedelta
from typing import Final

import pytest

from pipeline.domain.breaker import Breaker, Streak
from pipeline.domain.switch import Switch, SwitchState, divide

THREE: Final = Breaker(failures=3)


@pytest.mark.parametrize(
    ("switch", "passing"),
    [
        (None, 4),
        (Switch(name="a", state=SwitchState.PAUSED), 0),
        (Switch(name="a", state=SwitchState.PAUSED, may_try=True), 0),
        (Switch(name="a", state=SwitchState.OPEN), 0),
        (Switch(name="a", state=SwitchState.OPEN, may_try=True), 1),
    ],
)
def test_an_open_breaker_lets_one_pass_once_it_has_cooled_off_and_a_pause_none(
    switch: Switch | None, passing: int
) -> None:
    items = [1, 2, 3, 4]
    assert divide(switch, items) == (items[:passing], (items[passing:] if switch else ()))


def batch(*keys: str, cause: str = "cause") -> list[tuple[str, str]]:
    return [(key, cause) for key in keys]


def test_enough_failures_in_a_row_of_one_cause_open_it() -> None:
    streak = Streak().after(batch("1", "2"), success=False)
    assert not THREE.opens(streak)
    assert THREE.opens(streak.after(batch("3"), success=False))


@pytest.mark.parametrize(
    ("then", "success"),
    [
        (batch("3"), True),
        (batch("3", cause="another"), False),
        (batch("2"), False),
        ([], False),
    ],
    ids=["a success", "another cause", "the same event again", "nothing"],
)
def test_what_is_no_third_failure_in_a_row_does_not(
    then: list[tuple[str, str]],
    success: bool,  # noqa: FBT001 - pytest gives it by name
) -> None:
    streak = Streak().after(batch("1", "2"), success=False)
    assert not THREE.opens(streak.after(then, success=success))


def test_it_is_open_twice_as_long_each_time_up_to_an_hour() -> None:
    lengths = [THREE.next_cool_off(None)]
    for _ in range(5):
        lengths.append(THREE.next_cool_off(lengths[-1]))
    assert lengths == [timedelta(minutes=minutes) for minutes in (5, 10, 20, 40, 60, 60)]
