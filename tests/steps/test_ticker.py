"""The ticker with the clock of a test: each instant once, whatever the clock does."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pytest

from pipeline.domain.errors import ConfigurationError, TransientError
from pipeline.domain.message import Message
from pipeline.jobs.job import Job, Pages
from pipeline.jobs.schedule import Schedule
from pipeline.jobs.table import JOBS
from pipeline.steps.ticker import LOOK_SECONDS, Ticker
from tests.deadline import wait_until

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def job(name: str, cron: str, zone: str = "UTC") -> Job:
    return Job(name=name, summary="", schedule=Schedule(cron, zone), work=Pages(statement="none"))


FIVE = job("five", "*/5 * * * *")
DAILY = job("daily", "30 3 * * *", "Europe/Berlin")


@dataclass
class Desk:
    """A ticker, its clock, and what it has published."""

    now: datetime = NOON
    is_away: bool = False
    published: list[tuple[str, str]] = field(default_factory=list)
    failures: int = 0

    def publish(self, messages: Iterable[Message]) -> None:
        if self.is_away:
            raise TransientError("Pub/Sub cannot be reached")
        self.published += [
            (each.attributes["job"], each.attributes["scheduled_for"][11:16]) for each in messages
        ]

    def fail(self) -> None:
        self.failures += 1

    def ticker(self, *jobs: Job) -> Ticker:
        return Ticker(jobs, self.publish, self.fail, lambda: self.now)

    def taken(self) -> list[tuple[str, str]]:
        taken, self.published = self.published, []
        return taken


def test_at_the_start_the_last_instant_of_each_job_is_ticked_and_then_each_as_it_comes() -> None:
    desk = Desk(NOON + timedelta(seconds=1))
    ticker = desk.ticker(FIVE, DAILY)
    ticker.tick()
    assert desk.taken() == [("five", "12:00"), ("daily", "02:30")]
    for _ in range(600):
        desk.now += timedelta(seconds=1)
        ticker.tick()
    assert desk.taken() == [("five", "12:05"), ("five", "12:10")]


def test_instants_that_the_clock_jumps_over_are_one_tick() -> None:
    desk = Desk()
    ticker = desk.ticker(FIVE)
    ticker.tick()
    desk.now += timedelta(hours=3, minutes=2)
    ticker.tick()
    ticker.tick()
    assert desk.taken() == [("five", "12:00"), ("five", "15:00")]


def test_an_instant_that_comes_again_after_the_clock_was_put_back_is_not_ticked_again() -> None:
    desk = Desk()
    ticker = desk.ticker(FIVE)
    for _ in range(13):
        ticker.tick()
        desk.now += MINUTE
    assert [instant for _, instant in desk.taken()] == ["12:00", "12:05", "12:10"]
    desk.now = NOON - 7 * MINUTE
    for _ in range(24):
        ticker.tick()
        desk.now += MINUTE
    # Those before noon were never ticked: nobody was there.
    assert [instant for _, instant in desk.taken()] == ["11:50", "11:55", "12:15"]


def test_a_clock_that_was_wrong_for_a_while_silences_no_job() -> None:
    desk = Desk()
    ticker = desk.ticker(FIVE)
    ticker.tick()
    desk.now += timedelta(days=3_650)
    ticker.tick()
    desk.now = NOON + 5 * MINUTE
    ticker.tick()
    assert [instant for _, instant in desk.taken()] == ["12:00", "12:00", "12:05"]


def test_while_pubsub_is_away_ticks_become_one_for_each_job() -> None:
    desk = Desk(is_away=True)
    ticker = desk.ticker(FIVE, DAILY)
    for _ in range(4):
        with pytest.raises(TransientError):
            ticker.tick()
        desk.now += 5 * MINUTE
    desk.is_away = False
    ticker.tick()
    assert desk.taken() == [("five", "12:20"), ("daily", "02:30")]


def test_a_jump_is_noticed_within_seconds_and_an_instant_at_once() -> None:
    desk = Desk()
    ticker = desk.ticker(*JOBS.values())
    assert ticker.tick() == LOOK_SECONDS
    desk.now = NOON + timedelta(minutes=4, seconds=59)
    assert ticker.tick() == 1


def test_it_publishes_in_a_thread_until_it_is_stopped() -> None:
    desk = Desk()
    ticker = desk.ticker(FIVE)
    ticker.start()
    wait_until(lambda: desk.published, seconds=10, what="the tick is published")
    ticker.stop()
    assert (desk.taken(), desk.failures) == ([("five", "12:00")], 0)


def test_after_pubsub_was_away_the_thread_goes_on() -> None:
    desk = Desk(is_away=True)
    ticker = desk.ticker(FIVE)
    ticker.start()
    desk.is_away = False
    wait_until(lambda: desk.published, seconds=10, what="the tick is published")
    ticker.stop()


def test_what_no_later_try_can_repair_ends_the_process() -> None:
    desk = Desk()

    def refuse(_: Iterable[Message]) -> None:
        raise ConfigurationError("the topic does not exist")

    ticker = Ticker([FIVE], refuse, desk.fail, lambda: desk.now)
    ticker.start()
    wait_until(lambda: desk.failures, seconds=10, what="it fails")
    with pytest.raises(ConfigurationError, match="does not exist"):
        ticker.stop()
