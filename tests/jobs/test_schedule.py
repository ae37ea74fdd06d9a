"""Schedules over the days on which clocks are changed, in three zones."""

from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import pytest
from cronsim import CronSimError
from hypothesis import given
from hypothesis import strategies as st

from pipeline.jobs.job import Job, Pages
from pipeline.jobs.schedule import Schedule
from pipeline.jobs.tick import EARLY, tick_of

# Half an hour in Lord Howe; the southern hemisphere puts its clocks the other way round.
ZONES: Final = ("America/Los_Angeles", "Europe/Berlin", "Australia/Lord_Howe")
SECONDS: Final = st.integers(0, 6 * 366 * 86_400)
START: Final = datetime(2024, 1, 1, tzinfo=UTC)
CRONS: Final = st.sampled_from(
    ["*/5 * * * *", "*/15 * * * *", "0 */6 * * *", "0 2 * * *", "30 1 * * *", "0 6-18 * * *"]
)


@pytest.mark.parametrize("zone", ZONES)
@pytest.mark.parametrize("hour", range(24))
def test_a_declared_hour_comes_once_a_day_all_year(zone: str, hour: int) -> None:
    schedule = Schedule(f"30 {hour} * * *", zone)
    first = datetime(2026, 1, 1, tzinfo=ZoneInfo(zone))
    days: Counter[str] = Counter()
    instant = schedule.next(first - timedelta(seconds=1))
    while instant < datetime(2027, 1, 1, tzinfo=ZoneInfo(zone)):
        days[f"{instant.astimezone(ZoneInfo(zone)):%Y-%m-%d}"] += 1
        instant = schedule.next(instant)
    assert set(days.values()) == {1}
    assert len(days) == 365


@given(seconds=SECONDS, cron=CRONS, zone=st.sampled_from(ZONES))
def test_the_last_instant_is_the_one_before_the_next(seconds: int, cron: str, zone: str) -> None:
    schedule, at = Schedule(cron, zone), START + timedelta(seconds=seconds)
    last = schedule.last(at)
    assert last <= at < schedule.next(last)
    assert schedule.last(last) == last
    assert schedule.next(last) == schedule.next(at)


@given(
    seconds=SECONDS,
    cron=CRONS,
    zone=st.sampled_from(ZONES),
    early=st.integers(0, EARLY // timedelta(milliseconds=1)),
)
def test_a_tick_that_is_published_a_little_before_its_instant_counts_as_of_it(
    seconds: int, cron: str, zone: str, early: int
) -> None:
    job = Job(name="any", summary="", schedule=Schedule(cron, zone), work=Pages(statement="none"))
    instant = job.schedule.next(START + timedelta(seconds=seconds))
    before = timedelta(milliseconds=early)
    assert tick_of(job, instant - before).scheduled_for == instant
    assert tick_of(job, instant + before).scheduled_for == instant
    # Any earlier, it is one of the instant before: it comes late.
    assert tick_of(job, instant - EARLY - before).scheduled_for < instant or not before


@given(zone=st.sampled_from(ZONES), day=st.integers(0, 6 * 365), jitter=st.data())
def test_ticks_with_any_small_jitter_are_one_run_each(
    zone: str, day: int, jitter: st.DataObject
) -> None:
    job = Job(
        name="any", summary="", schedule=Schedule("0 * * * *", zone), work=Pages(statement="none")
    )
    instants, runs = [], []
    instant = job.schedule.next(START + timedelta(days=day))
    for _ in range(30):
        instants.append(instant)
        late = timedelta(milliseconds=jitter.draw(st.integers(-500, 60_000)))
        runs.append(tick_of(job, instant + late).scheduled_for)
        instant = job.schedule.next(instant)
    assert runs == instants


def test_thirteen_digests_a_day_on_the_days_on_which_clocks_change() -> None:
    schedule = Schedule("0 6-18 * * *", "America/Los_Angeles")
    zone = ZoneInfo(schedule.zone)
    for day in (datetime(2026, 3, 8, tzinfo=zone), datetime(2026, 11, 1, tzinfo=zone)):
        hours = []
        instant = schedule.next(day - timedelta(seconds=1))
        while instant.astimezone(zone).date() == day.date():
            hours.append(instant.astimezone(zone).hour)
            instant = schedule.next(instant)
        assert hours == list(range(6, 19))


def test_a_schedule_in_utc_knows_no_daylight_saving() -> None:
    schedule = Schedule("0 2 * * *")
    for day in (datetime(2026, 3, 8, tzinfo=UTC), datetime(2026, 11, 1, tzinfo=UTC)):
        assert schedule.next(day) == day + timedelta(hours=2)


def test_a_rare_instant_is_found() -> None:
    schedule = Schedule("0 0 29 2 *")
    assert schedule.last(datetime(2027, 6, 1, tzinfo=UTC)) == datetime(2024, 2, 29, tzinfo=UTC)


@pytest.mark.parametrize("cron", ["61 * * * *", "* * *", "0 0 31 2 *", "every day"])
def test_what_is_no_schedule_is_refused_where_it_is_declared(cron: str) -> None:
    with pytest.raises(CronSimError):
        Schedule(cron)


def test_a_zone_that_does_not_exist_is_refused_where_it_is_declared() -> None:
    with pytest.raises(ZoneInfoNotFoundError):
        Schedule("0 0 * * *", "Mars/Base")
