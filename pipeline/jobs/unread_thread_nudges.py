"""unread-thread-nudges: remind readers of threads that they have not read."""

from typing import Final

from pipeline.domain.identifiers import AI_USER
from pipeline.jobs.job import Job, Pages
from pipeline.jobs.schedule import Schedule

UNREAD_THREAD_NUDGES: Final = Job(
    name="unread-thread-nudges",
    summary="remind readers of threads that they have not read",
    schedule=Schedule("*/15 * * * *"),
    work=Pages(
        statement="unread_thread_nudges",
        parameters={
            "unread_minutes": 180,
            "most_stale_days": 14,
            "system_users": [AI_USER],
        },
    ),
)
