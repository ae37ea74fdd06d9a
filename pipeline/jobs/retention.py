"""retention: delete what was kept for long enough."""

from typing import Final

from pipeline.jobs.job import Job, Retention
from pipeline.jobs.schedule import Schedule

RETENTION: Final = Job(
    name="retention",
    summary="delete what was kept for long enough",
    schedule=Schedule("30 3 * * *"),
    work=Retention(),
)
