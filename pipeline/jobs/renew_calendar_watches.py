"""renew-calendar-watches: renew the watches of calendars that end within a day."""

from typing import Final

from pipeline.jobs.job import CalendarWatches, Job
from pipeline.jobs.schedule import Schedule

RENEW_CALENDAR_WATCHES: Final = Job(
    name="renew-calendar-watches",
    summary="renew the watches of calendars that end within a day",
    schedule=Schedule("0 2 * * *"),
    work=CalendarWatches(),
)
