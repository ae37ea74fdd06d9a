"""The table of contents: every job, in the order in which they are listed."""

from typing import Final

from pipeline.domain.register import register
from pipeline.jobs.job import Job
from pipeline.jobs.meeting_reminders import MEETING_REMINDERS
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
        RENEW_CALENDAR_WATCHES,
        RETENTION,
    ),
    _name,
)
