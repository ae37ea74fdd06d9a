"""The message of a tick: made by a ticker or by Cloud Scheduler, read by the graph of the jobs."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Final

from pipeline.domain.errors import InvalidTick
from pipeline.domain.message import Message, rfc3339
from pipeline.jobs.job import Job
from pipeline.jobs.tick import Tick, tick_of

JOB_ATTRIBUTE: Final = "job"
SCHEDULED_FOR_ATTRIBUTE: Final = "scheduled_for"
# A message with this attribute asks for no new run: the job only runs what is due already.
LOOK_ATTRIBUTE: Final = "only_look"

# A run for a later time would make every tick until then pointless.
_AHEAD: Final = timedelta(minutes=1)


def tick_message(job: str, scheduled_for: datetime | None = None) -> Message:
    """Make the message of a tick.

    Args:
        job: the name of the job.
        scheduled_for: the instant. None: the last instant before Pub/Sub accepts the message.
    """
    attributes = {JOB_ATTRIBUTE: job}
    if scheduled_for is not None:
        attributes[SCHEDULED_FOR_ATTRIBUTE] = rfc3339(scheduled_for)
    return Message(b"", attributes)


def look_message(job: str) -> Message:
    """Make a message that asks a job to run what is due already."""
    return Message(b"", {JOB_ATTRIBUTE: job, LOOK_ATTRIBUTE: "yes"})


def job_named(message: Message, jobs: Mapping[str, Job]) -> Job:
    """Return the job that a message names.

    Raises:
        InvalidTick: it names none of these jobs.
    """
    name = message.attributes.get(JOB_ATTRIBUTE)
    if name is None:
        raise InvalidTick(f"the attribute '{JOB_ATTRIBUTE}' is missing")
    if name not in jobs:
        raise InvalidTick(f"the attribute '{JOB_ATTRIBUTE}' names no job: expected {_list(jobs)}")
    return jobs[name]


def read_tick(message: Message, job: Job) -> Tick | None:
    """Return the tick of a message that names this job; None if it only asks to look.

    Raises:
        InvalidTick: ``scheduled_for`` is invalid, or the message has no publish time.
    """
    if LOOK_ATTRIBUTE in message.attributes:
        return None
    if message.published_at is None:
        raise InvalidTick("the message has no publish time")
    given = message.attributes.get(SCHEDULED_FOR_ATTRIBUTE)
    instant = None if given is None else _instant(given, message.published_at)
    return tick_of(job, message.published_at, instant)


def _instant(text: str, published_at: datetime) -> datetime:
    try:
        instant = datetime.fromisoformat(text)
        if instant.tzinfo is not None and instant - published_at <= _AHEAD:
            return instant
    except (ValueError, OverflowError):
        pass
    raise InvalidTick(
        f"the attribute '{SCHEDULED_FOR_ATTRIBUTE}' is invalid: expected a time with a zone, such"
        " as 2026-03-02T12:00:00Z, no later than the message itself"
    )


def _list(jobs: Mapping[str, Job]) -> str:
    *others, last = jobs
    return f"{', '.join(others)} or {last}" if others else last
