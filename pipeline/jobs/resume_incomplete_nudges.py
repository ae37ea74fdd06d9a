"""resume-incomplete-nudges: ask owners to complete the resumes of their projects.

A resume is left alone since its anchor: the newest edit by anybody, or else the creation of its
project. An owner is asked once for each tier, and anew from the first tier after the next edit.
"""

from datetime import timedelta
from typing import Final

from pipeline.jobs.job import Job, Pages
from pipeline.jobs.schedule import Schedule

RESUME_INCOMPLETE_NUDGES: Final = Job(
    name="resume-incomplete-nudges",
    summary="ask owners to complete the resumes of their projects",
    schedule=Schedule("0 */6 * * *"),
    work=Pages(statement="resume_incomplete_nudges", parameters={"most_stale_days": 14}),
)

# How long a resume has been left alone when each tier begins. The statement has the same figures.
TIERS: Final = (
    timedelta(hours=24),
    timedelta(hours=72),
    timedelta(hours=120),
    timedelta(hours=168),
)


def tier_after(left_alone: timedelta) -> int | None:
    """The tier of a resume that was left alone for so long; None before the first one."""
    return sum(left_alone >= begins for begins in TIERS) or None
