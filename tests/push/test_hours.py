"""Quiet hours and send windows, on the days on which clocks change above all."""

from datetime import UTC, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.push.hours import DAY_SECONDS, HORIZON, DaySpan, RingingHours, SendWindow

HOUR: Final = 3600
MINUTE: Final = timedelta(minutes=1)
NIGHT: Final = RingingHours(quiet=DaySpan(22 * HOUR, 8 * HOUR))
BERLIN: Final = ZoneInfo("Europe/Berlin")
# Changes of clocks: by an hour, by half an hour, at midnight, and by a day that never was.
CHANGES: Final = {
    "Europe/Berlin": ("2026-03-29T01:00", "2026-10-25T01:00"),
    "America/New_York": ("2026-03-08T07:00", "2026-11-01T06:00"),
    "Australia/Lord_Howe": ("2026-04-04T15:00", "2026-10-03T15:30"),
    "America/Havana": ("2026-03-08T05:00", "2026-11-01T05:00"),
    "Asia/Beirut": ("2026-03-28T22:00", "2026-10-24T21:00"),
    "Pacific/Chatham": ("2026-04-04T14:00", "2026-09-26T14:00"),
    "Pacific/Apia": ("2011-12-30T10:00",),
    "Asia/Kathmandu": ("2026-06-01T00:00",),
}

minutes: Final = st.integers(0, 24 * 60 - 1).map(lambda minute: minute * 60)
# Between midnight and four, where clocks are changed, half of the time.
near: Final = minutes | st.integers(0, 240).map(lambda minute: minute * 60)
spans: Final = st.builds(DaySpan, near, near)
windows: Final = st.builds(
    SendWindow,
    st.frozensets(st.integers(1, 7), min_size=1),
    st.tuples(near, near | st.just(DAY_SECONDS))
    .filter(lambda pair: pair[0] < pair[1])
    .map(lambda pair: DaySpan(*pair)),
)
hours: Final = st.builds(RingingHours, spans, st.lists(windows, max_size=2).map(tuple))


@st.composite
def moments(draw: st.DrawFn) -> tuple[datetime, ZoneInfo]:
    """A minute within two days of a change of the clock, and the zone."""
    name = draw(st.sampled_from(sorted(CHANGES)))
    change = datetime.fromisoformat(draw(st.sampled_from(CHANGES[name]))).replace(tzinfo=UTC)
    return change + draw(st.integers(-2_880, 2_880)) * MINUTE, ZoneInfo(name)


def rings(asked: RingingHours, at: datetime, zone: ZoneInfo) -> bool:
    """Apply the documented rule to the clock on the wall."""
    local = at.astimezone(zone)
    second = local.hour * HOUR + local.minute * 60
    quiet = asked.quiet
    past_midnight = quiet.begins > quiet.ends
    is_quiet = (
        not quiet.ends <= second < quiet.begins
        if past_midnight
        else quiet.begins <= second < quiet.ends
    )
    in_window = [
        each.span.begins <= second < each.span.ends and local.isoweekday() in each.days
        for each in asked.windows
    ]
    return not is_quiet and (not in_window or any(in_window))


def oracle(asked: RingingHours, at: datetime, zone: ZoneInfo) -> datetime | None:
    """Look at each minute, one after the other."""
    if rings(asked, at, zone):
        return None
    each = at
    while each < at + HORIZON:
        each += MINUTE
        if rings(asked, each, zone):
            return each
    return at + HORIZON


@given(asked=hours, moment=moments())
def test_the_end_is_the_first_minute_at_which_the_clock_on_the_wall_allows_it(
    asked: RingingHours, moment: tuple[datetime, ZoneInfo]
) -> None:
    at, zone = moment
    assert asked.quiet_until(at, zone) == oracle(asked, at, zone)


@pytest.mark.parametrize(
    ("at", "until", "length"),
    [
        ("2026-03-27T22:00+01:00", "2026-03-28T08:00+01:00", 10),
        ("2026-03-28T22:00+01:00", "2026-03-29T08:00+02:00", 9),
        ("2026-10-24T22:00+02:00", "2026-10-25T08:00+01:00", 11),
        ("2026-10-25T22:00+01:00", "2026-10-26T08:00+01:00", 10),
    ],
)
def test_a_night_is_an_hour_shorter_or_longer_when_clocks_change(
    at: str, until: str, length: int
) -> None:
    start = datetime.fromisoformat(at)
    ends = NIGHT.quiet_until(start, BERLIN)
    assert ends == datetime.fromisoformat(until)
    assert ends - start == timedelta(hours=length)
    assert NIGHT.quiet_until(start - timedelta(microseconds=1), BERLIN) is None
    assert NIGHT.quiet_until(ends, BERLIN) is None
    assert NIGHT.quiet_until(ends - timedelta(microseconds=1), BERLIN) == ends


def test_an_end_that_the_clock_leaps_over_is_reached_with_the_leap() -> None:
    asked = RingingHours(quiet=DaySpan(HOUR, 2 * HOUR + HOUR // 2))
    at = datetime.fromisoformat("2026-03-29T01:30+01:00")
    assert asked.quiet_until(at, BERLIN) == datetime.fromisoformat("2026-03-29T03:00+02:00")


def test_what_is_quiet_and_comes_twice_is_quiet_twice() -> None:
    asked = RingingHours(quiet=DaySpan(2 * HOUR + HOUR // 2, 2 * HOUR + 45 * 60))
    first = datetime.fromisoformat("2026-10-25T02:30+02:00")
    second = datetime.fromisoformat("2026-10-25T02:30+01:00")
    assert asked.quiet_until(first, BERLIN) == first + timedelta(minutes=15)
    assert asked.quiet_until(first + timedelta(minutes=20), BERLIN) is None
    assert asked.quiet_until(second, BERLIN) == second + timedelta(minutes=15)


def test_a_quiet_time_that_the_clock_goes_back_out_of_ends_there_and_comes_again() -> None:
    asked = RingingHours(quiet=DaySpan(2 * HOUR + HOUR // 2, 4 * HOUR))
    back = datetime.fromisoformat("2026-10-25T02:00+01:00")
    assert asked.quiet_until(back - 10 * MINUTE, BERLIN) == back
    assert asked.quiet_until(back + 30 * MINUTE, BERLIN) == back + timedelta(hours=2)


def test_a_clock_that_goes_back_over_midnight_shows_the_day_before_again() -> None:
    """In Newfoundland it was put back from 00:01 on Sunday to 23:01 on Saturday."""
    zone = ZoneInfo("America/St_Johns")
    late_on_saturday = SendWindow(frozenset({6}), DaySpan(23 * HOUR + HOUR // 2, DAY_SECONDS))
    asked = RingingHours(windows=(late_on_saturday,))
    sunday = datetime.fromisoformat("2006-10-29T00:00:30-02:30")
    again = datetime.fromisoformat("2006-10-28T23:30-03:30")
    assert asked.quiet_until(sunday, zone) == again


def test_without_hours_and_windows_it_rings_at_any_time() -> None:
    assert RingingHours().quiet_until(datetime(2026, 3, 2, 3, tzinfo=UTC), BERLIN) is None


def test_who_is_to_be_disturbed_on_working_days_waits_over_the_weekend() -> None:
    working = SendWindow(frozenset(range(1, 6)), DaySpan(9 * HOUR, 18 * HOUR))
    friday = datetime.fromisoformat("2026-03-27T18:00+01:00")
    asked = RingingHours(NIGHT.quiet, (working,))
    # The clock is put forward on the Sunday between.
    assert asked.quiet_until(friday, BERLIN) == datetime.fromisoformat("2026-03-30T09:00+02:00")


def test_hours_that_allow_nothing_end_with_what_is_looked_at() -> None:
    at = datetime(2026, 3, 2, tzinfo=UTC)
    noon = SendWindow(frozenset({1}), DaySpan(12 * HOUR, 13 * HOUR))
    asked = RingingHours(DaySpan(11 * HOUR, 14 * HOUR), (noon,))
    assert asked.quiet_until(at, BERLIN) == at + HORIZON
