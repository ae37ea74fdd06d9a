"""resume-incomplete-nudges: ask owners to complete the resumes of their projects."""

from typing import Final

from pipeline.jobs.job import Job, Pages
from pipeline.jobs.schedule import Schedule

RESUME_INCOMPLETE_NUDGES: Final = Job(
    name="resume-incomplete-nudges",
    summary="ask owners to complete the resumes of their projects",
    schedule=Schedule("0 */6 * * *"),
    work=Pages(statement="resume_incomplete_nudges", parameters={"most_stale_days": 14}),
)
