"""A tick: it says that the time of a job has come, and nothing else."""

from dataclasses import dataclass
from datetime import datetime

from pipeline.jobs.job import Job


@dataclass(frozen=True, slots=True, kw_only=True)
class Tick:
    """One tick of a job.

    Attributes:
        job: its name.
        scheduled_for: the instant of its schedule, which with the job is the key of the run.
    """

    job: str
    scheduled_for: datetime


def tick_of(job: Job, at: datetime, scheduled_for: datetime | None = None) -> Tick:
    """The tick that a message is.

    Args:
        job: whose.
        at: when the message was published.
        scheduled_for: the instant, where somebody gave it.
    """
    return Tick(job=job.name, scheduled_for=scheduled_for or job.schedule.last(at))
