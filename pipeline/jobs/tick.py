"""A tick: a message that says that a job is due."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from pipeline.jobs.job import Job

# Clocks differ: Cloud Scheduler may publish a tick a little before the instant that it is for, by
# the clock of Pub/Sub. Far less than half of the shortest period that cron knows, a minute.
EARLY: Final = timedelta(milliseconds=500)


@dataclass(frozen=True, slots=True, kw_only=True)
class Tick:
    """One tick of a job.

    Attributes:
        job: its name.
        scheduled_for: the instant of its schedule. With the job, it is the key of the run.
    """

    job: str
    scheduled_for: datetime


def tick_of(job: Job, at: datetime, scheduled_for: datetime | None = None) -> Tick:
    """Return the tick of a message: for the last instant, or the one that comes at once.

    Args:
        job: the job.
        at: the time at which the message was published.
        scheduled_for: the instant, if the message gives one.
    """
    return Tick(job=job.name, scheduled_for=scheduled_for or job.schedule.last(at + EARLY))
