"""Checks that every scheduled job runs."""

from collections.abc import Sequence
from typing import Final

from pipeline.clients.postgres.session import working
from pipeline.domain.units import duration
from pipeline.ops.doctor.check import Check, Finding, failed, ok, warning
from pipeline.ops.doctor.installation import Installation
from pipeline.ops.jobs.read import JobSeen, read_jobs

_LIST: Final = "see: python -m pipeline jobs"


def judge_jobs(jobs: Sequence[JobSeen] | None) -> Finding:
    """Judge whether a job is overdue, or its last run failed for good."""
    if jobs is None:
        return ok("the family jobs is not installed")
    overdue = [job for job in jobs if job.overdue]
    if overdue:
        names = overdue[0].name if len(overdue) == 1 else "JOB"
        return failed(
            "; ".join(_late(job) for job in overdue),
            f"{_LIST}; until its ticks come again: python -m pipeline job {names}",
        )
    dead = [job for job in jobs if job.last is not None and job.last.state == "dead"]
    if dead:
        return warning(
            "; ".join(f"the last run of {job.name} failed for good" for job in dead),
            f"{_LIST}; python -m pipeline dead-letters list",
        )
    return ok("no job is overdue")


def _late(job: JobSeen) -> str:
    if job.done_seconds is None:
        return f"{job.name} has never succeeded"
    return f"{job.name} last succeeded {duration(job.done_seconds)} ago"


def _jobs(installation: Installation) -> Finding:
    connection = installation.connection()
    with working(connection):
        return judge_jobs(read_jobs(connection))


CHECKS: Final = (Check("jobs", "fanout.job_runs", _jobs),)
