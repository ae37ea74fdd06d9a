"""The ids and times of wake-ups show whether another database sent them."""

from datetime import UTC, datetime, timedelta
from typing import Final

import pytest

from pipeline.domain.identifiers import EventId
from pipeline.domain.message import Message, message_for
from pipeline.steps.origin import LEAST, WINDOW, Origin

THEN: Final = datetime(2026, 3, 2, 12, 0, 0, 123456, tzinfo=UTC)
MICROSECONDS: Final = 1_772_452_800_123_456


def sent(moment: datetime | None = THEN, *, replay: str | None = None) -> Message:
    return message_for(EventId(42), moment, replay=replay)


def warnings(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.message for record in caplog.records]


def test_most_wake_ups_without_a_row_or_of_another_time_are_said_with_their_numbers(
    caplog: pytest.LogCaptureFixture,
) -> None:
    rows = [(sent(), MICROSECONDS)] * 3 + [(sent(THEN - timedelta(hours=1)), MICROSECONDS)] * 5
    Origin().compare(rows, [sent()] * 7)
    (line,) = warnings(caplog)
    assert line == (
        "12 of 15 wake-ups match no row of this database by id and time:"
        " check that DATABASE_URL names the database that Debezium captures"
    )


def test_it_is_said_once_a_minute_at_most_and_of_events_that_come_one_by_one(
    caplog: pytest.LogCaptureFixture,
) -> None:
    origin = Origin()
    for number in range(1, 20):
        origin.compare([], [sent()])
        assert len(warnings(caplog)) == (number >= LEAST)


def test_what_was_right_for_long_hides_nothing(caplog: pytest.LogCaptureFixture) -> None:
    origin = Origin()
    for _ in range(WINDOW):
        origin.compare([(sent(), MICROSECONDS)] * 5, [])
    origin.compare([], [sent()] * WINDOW)
    assert len(warnings(caplog)) == 1


@pytest.mark.parametrize(
    ("message", "moment"),
    [
        pytest.param(sent(), MICROSECONDS, id="the same"),
        pytest.param(sent(THEN.replace(microsecond=0)), MICROSECONDS, id="cut to the second"),
        pytest.param(sent(None), MICROSECONDS, id="no time is said"),
        pytest.param(sent(), None, id="the row's time is infinity"),
        pytest.param(sent(THEN + timedelta(days=1), replay="r"), MICROSECONDS, id="a replay"),
        pytest.param(Message(b"", {"created_at": "soon"}), MICROSECONDS, id="no time at all"),
        pytest.param(
            Message(b"", {"created_at": "2020-01-01T00:00:00"}), MICROSECONDS, id="without a zone"
        ),
        pytest.param(Message(b"", {"created_at": "1772452800123456"}), MICROSECONDS, id="a number"),
    ],
)
def test_what_says_nothing_of_another_database_is_not_counted_as_a_mismatch(
    message: Message, moment: int | None, caplog: pytest.LogCaptureFixture
) -> None:
    Origin().compare([(message, moment)] * 20, [])
    assert warnings(caplog) == []


def test_some_rows_that_are_gone_are_usual(caplog: pytest.LogCaptureFixture) -> None:
    origin = Origin()
    for _ in range(100):
        origin.compare([(sent(), MICROSECONDS)] * 3, [sent()] * 2)
        origin.compare([], [sent(replay="r")] * 5)
    assert warnings(caplog) == []
