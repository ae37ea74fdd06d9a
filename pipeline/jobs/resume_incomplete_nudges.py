"""resume-incomplete-nudges: ask owners to complete the resumes of their projects.

The anchor of a resume is its newest edit by anybody, or else the creation of its project. The tier
says how long ago that is. An owner is asked once for each tier, and again from the first tier after
the next edit.
"""

from typing import Final

from pipeline.jobs.job import Job, Pages
from pipeline.jobs.schedule import Schedule

RESUME_INCOMPLETE_NUDGES: Final = Job(
    name="resume-incomplete-nudges",
    summary="ask owners to complete the resumes of their projects",
    schedule=Schedule("0 */6 * * *"),
    work=Pages(statement="resume_incomplete_nudges", parameters={"most_stale_days": 14}),
)
