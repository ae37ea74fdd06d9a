"""The table of contents: every job, in the order in which they are listed."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Final

from pipeline.domain.identifiers import AI_USER, UserId
from pipeline.domain.register import register
from pipeline.jobs.digests import DIGESTS
from pipeline.jobs.job import Job, Pages
from pipeline.jobs.meeting_reminders import MEETING_REMINDERS
from pipeline.jobs.reactions.close_expired_requests import CLOSE_EXPIRED_REQUESTS
from pipeline.jobs.reactions.dispatch_messages import DISPATCH_MESSAGES
from pipeline.jobs.reactions.dispatch_tasks import DISPATCH_TASKS
from pipeline.jobs.reactions.retention import REACTION_RETENTION
from pipeline.jobs.renew_calendar_watches import RENEW_CALENDAR_WATCHES
from pipeline.jobs.resume_incomplete_nudges import RESUME_INCOMPLETE_NUDGES
from pipeline.jobs.retention import RETENTION
from pipeline.jobs.unread_thread_nudges import UNREAD_THREAD_NUDGES


def _name(job: Job) -> str:
    return job.name


JOBS: Final = register(
    (
        MEETING_REMINDERS,
        UNREAD_THREAD_NUDGES,
        RESUME_INCOMPLETE_NUDGES,
        DIGESTS,
        RENEW_CALENDAR_WATCHES,
        RETENTION,
        DISPATCH_TASKS,
        DISPATCH_MESSAGES,
        CLOSE_EXPIRED_REQUESTS,
        REACTION_RETENTION,
    ),
    _name,
)


def jobs_without(programs: Iterable[UserId]) -> Mapping[str, Job]:
    """Return every job, told which users are programs besides the AI user: no job nudges them."""
    users = [AI_USER, *sorted(set(programs) - {AI_USER})]
    return {name: _told(job, users) for name, job in JOBS.items()}


def _told(job: Job, programs: Sequence[UserId]) -> Job:
    if not isinstance(job.work, Pages) or "system_users" not in job.work.parameters:
        return job
    parameters = {**job.work.parameters, "system_users": programs}
    return replace(job, work=replace(job.work, parameters=parameters))
