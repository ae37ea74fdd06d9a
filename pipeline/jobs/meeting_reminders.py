"""meeting-reminders: remind participants of meetings that begin soon."""

from typing import Final

from pipeline.jobs.job import Job, Pages
from pipeline.jobs.schedule import Schedule

MEETING_REMINDERS: Final = Job(
    name="meeting-reminders",
    summary="remind participants of meetings that begin soon",
    schedule=Schedule("*/5 * * * *"),
    work=Pages(
        statement="meeting_reminders",
        parameters={"lead_minutes": 30, "include_declined": True, "include_organizer": True},
    ),
)
