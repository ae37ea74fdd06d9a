"""The hours of digests over the days on which clocks are changed, in three zones."""

from datetime import UTC, date, datetime, time, timedelta
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.jobs.windows import LENGTH, OLDEST, DigestHours

# Half an hour in Lord Howe; the southern hemisphere puts its clocks the other way round.
ZONES: Final = ("America/Los_Angeles", "Europe/Berlin", "Australia/Lord_Howe")
HOURS: Final = st.sets(st.integers(0, 23), min_size=1).map(lambda hours: tuple(sorted(hours)))
# The days in 2026 on which clocks are changed in each zone.
CHANGES: Final = {
    "America/Los_Angeles": (date(2026, 3, 8), date(2026, 11, 1)),
    "Europe/Berlin": (date(2026, 3, 29), date(2026, 10, 25)),
    "Australia/Lord_Howe": (date(2026, 4, 5), date(2026, 10, 4)),
}
DAY: Final = timedelta(days=1)
MOMENTS: Final = st.integers(0, 3 * 366 * 86_400).map(
    lambda seconds: datetime(2025, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds)
)


@pytest.mark.parametrize("hours", [tuple(range(6, 19)), (1, 2, 3), (0, 23)], ids=str)
@pytest.mark.parametrize("zone", ZONES)
def test_each_declared_hour_opens_one_window_a_day_also_when_clocks_change(
    zone: str, hours: tuple[int, ...]
) -> None:
    digests, here = DigestHours(hours=hours, zone=zone), ZoneInfo(zone)
    for change in CHANGES[zone]:
        days = [change + number * DAY for number in (-1, 0, 1, 2)]
        at, *_, end = (datetime.combine(day, time(), here).astimezone(UTC) for day in days)
        opened = set()
        while at < end:
            # A tick may come twice, and late.
            for late in (0, 14):
                window = digests.open_window(zone, at + timedelta(minutes=late), DAY)
                opened |= {window.opens} if window else set()
            at += timedelta(minutes=15)
        # An hour that the clocks skip begins when they go on; of one that comes twice, the first.
        assert opened == {
            datetime.combine(day, time(hour), here).astimezone(UTC)
            for day in days[:-1]
            for hour in hours
        }


@given(hours=HOURS, zone=st.sampled_from(ZONES), at=MOMENTS)
def test_a_digest_waits_exactly_until_a_window_opens(
    hours: tuple[int, ...], zone: str, at: datetime
) -> None:
    digests = DigestHours(hours=hours, zone=zone)
    pause = digests.pause(zone, at)
    assert (pause == timedelta(0)) == (digests.open_window(zone, at, DAY) is not None)
    then = digests.open_window(zone, at + pause, DAY)
    assert then is not None
    assert then.opens <= at + pause < then.opens + LENGTH
    assert not pause or then.opens == at + pause


@given(hours=HOURS, zone=st.sampled_from(ZONES), at=MOMENTS, age=st.integers(1, 100))
def test_an_email_may_be_late_by_the_maximum_age_counted_from_its_first_window(
    hours: tuple[int, ...], zone: str, at: datetime, age: int
) -> None:
    digests, max_age = DigestHours(hours=hours, zone=zone), timedelta(hours=age)
    window = digests.open_window(zone, at + digests.pause(zone, at), max_age)
    assert window is not None
    # The oldest is the last one for which the window at that time was the first one.
    after = window.oldest + LENGTH
    assert window.oldest < window.opens - max_age <= after + digests.pause(zone, after)


def test_the_oldest_has_an_end_whatever_the_database_says() -> None:
    digests = DigestHours(hours=(6,), zone="UTC")
    window = digests.open_window("UTC", datetime(2026, 3, 2, 6, tzinfo=UTC), timedelta.max)
    assert window is not None
    assert window.opens - window.oldest <= OLDEST + DAY


def test_a_zone_that_does_not_exist_is_an_error() -> None:
    with pytest.raises(ZoneInfoNotFoundError):
        DigestHours(hours=(6,), zone="UTC").pause("Mars/Base", datetime(2026, 1, 1, tzinfo=UTC))
