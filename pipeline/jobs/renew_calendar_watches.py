"""renew-calendar-watches: renew the watches of calendars that end within a day."""

from datetime import timedelta
from typing import Final

from pipeline.jobs.job import CalendarWatches, Job
from pipeline.jobs.schedule import Schedule

RENEW_CALENDAR_WATCHES: Final = Job(
    name="renew-calendar-watches",
    summary="renew the watches of calendars that end within a day",
    schedule=Schedule("0 2 * * *"),
    work=CalendarWatches(),
    # Longer than a page takes while Google is silent.
    lease=timedelta(minutes=10),
)
