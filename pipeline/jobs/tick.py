"""A tick: a message that says that a job is due."""

from dataclasses import dataclass
from datetime import datetime

from pipeline.jobs.job import Job


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
    """Return the tick of a message.

    Args:
        job: the job.
        at: the time at which the message was published.
        scheduled_for: the instant, if the message gives one.
    """
    return Tick(job=job.name, scheduled_for=scheduled_for or job.schedule.last(at))
