from datetime import datetime, timedelta, timezone

import pytest

from pipeline.domain.units import ago, counted, duration, minute, moment


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (-1, "0 ms"),
        (0.0319, "32 ms"),
        (1, "1.0 s"),
        (119, "2 min"),
        (3 * 3_600, "3.0 h"),
        (40 * 86_400, "40.0 d"),
    ],
)
def test_a_duration_is_said_in_its_largest_unit(seconds: float, words: str) -> None:
    assert duration(seconds) == words


def test_a_time_ahead_of_ours_is_in_the_future_unless_clocks_may_differ_by_so_much() -> None:
    assert (ago(-0.5), ago(-90)) == ("0 ms ago", "2 min in the future")


def test_a_time_of_any_zone_is_shown_in_utc() -> None:
    time = datetime(2026, 3, 2, 1, 30, 59, tzinfo=timezone(timedelta(hours=2)))
    assert (moment(time), minute(time)) == ("2026-03-01 23:30:59 UTC", "2026-03-01 23:30 UTC")


def test_one_thing_is_told_from_many() -> None:
    assert [counted(number, "event") for number in (0, 1, 1000)] == [
        "0 events",
        "1 event",
        "1,000 events",
    ]
    assert counted(2, "person", "people") == "2 people"
    assert [counted(2, thing) for thing in ("push", "batch", "address", "row")] == [
        *("2 pushes", "2 batches", "2 addresses", "2 rows"),
    ]
