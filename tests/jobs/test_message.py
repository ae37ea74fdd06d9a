"""The message of a tick: which job, and for which instant."""

from datetime import UTC, datetime, timedelta, timezone

import pytest

from pipeline.domain.errors import InvalidTick
from pipeline.domain.message import Message
from pipeline.jobs.meeting_reminders import MEETING_REMINDERS
from pipeline.jobs.message import job_named, look_message, read_tick, tick_message
from pipeline.jobs.table import JOBS
from pipeline.jobs.tick import Tick
from pipeline.sources.native import read_message, write_message
from pipeline.steps.ticks import sort_ticks

NAME = MEETING_REMINDERS.name
NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)


def received(attributes: dict[str, str], at: datetime | None = NOON) -> Message:
    return Message(b"", attributes, at)


@pytest.mark.parametrize("late", [0, 1, 299])
def test_without_an_instant_it_is_the_last_one_before_the_message_was_published(late: int) -> None:
    message = received({"job": NAME}, NOON + timedelta(seconds=late))
    assert read_tick(message, job_named(message, JOBS)) == Tick(job=NAME, scheduled_for=NOON)


def test_an_instant_that_a_ticker_gives_is_taken_as_it_is() -> None:
    instant = NOON - timedelta(hours=3)
    message = received(dict(tick_message(NAME, instant).attributes))
    assert read_tick(message, MEETING_REMINDERS) == Tick(job=NAME, scheduled_for=instant)


def test_an_instant_may_be_written_with_any_zone() -> None:
    text = NOON.astimezone(timezone(timedelta(hours=5))).isoformat()
    tick = read_tick(received({"job": NAME, "scheduled_for": text}), MEETING_REMINDERS)
    assert tick == Tick(job=NAME, scheduled_for=NOON)


@pytest.mark.parametrize(
    "text", ["", "noon", "2026-03-02T11:00:00", "2026-03-02T12:02:00Z", "9" * 99]
)
def test_an_instant_without_a_zone_or_in_the_future_is_refused(text: str) -> None:
    with pytest.raises(InvalidTick, match="'scheduled_for' is invalid: expected a time") as caught:
        read_tick(received({"job": NAME, "scheduled_for": text}), MEETING_REMINDERS)
    assert not text or text not in str(caught.value)


def test_a_message_that_only_looks_is_no_tick() -> None:
    message = look_message(NAME)
    assert job_named(message, JOBS) is MEETING_REMINDERS
    assert read_tick(message, MEETING_REMINDERS) is None


def test_what_names_no_job_is_a_dead_letter_and_its_neighbours_are_ticks() -> None:
    nameless = received({"id": "7"})
    unknown = received({"job": "canary"})
    found = sort_ticks([nameless, received({"job": NAME}), unknown, received({"job": NAME})], JOBS)
    assert found.ticks == {NAME: [Tick(job=NAME, scheduled_for=NOON)]}
    assert [(each.record, each.error_class, each.reason) for each in found.letters] == [
        (None, "InvalidTick", "the attribute 'job' is missing"),
        (
            None,
            "InvalidTick",
            "the attribute 'job' names no job: expected "
            + " or ".join([", ".join([*JOBS][:-1]), [*JOBS][-1]]),
        ),
    ]


@pytest.mark.parametrize("at", [None, NOON, NOON + timedelta(microseconds=1)])
def test_the_publish_time_goes_along_with_a_message_in_flight(at: datetime | None) -> None:
    message = received({"job": NAME}, at)
    again = read_message(write_message(message))
    assert (again, again.published_at) == (message, at)
