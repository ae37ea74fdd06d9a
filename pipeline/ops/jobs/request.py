"""Asks for a run of a scheduled job now. The graph of the jobs does it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from pipeline.domain.errors import Conflict
from pipeline.facts.switches import read_switches
from pipeline.jobs.asked import find_job, read_changes
from pipeline.ops.jobs.read import check_jobs
from pipeline.settings import DatabaseSettings
from pipeline.steps.job_runs import check_applies, record_by_hand


@dataclass(frozen=True, slots=True, kw_only=True)
class RunRequested:
    """A run that waits in the ledger of runs. The job and ``scheduled_for`` are its key."""

    job: str
    scheduled_for: datetime


def request_run(
    settings: DatabaseSettings,
    name: str,
    *,
    now: datetime | None = None,
    changed: Mapping[str, int],
) -> RunRequested:
    """Record a run that is due now. Nothing is run here.

    Args:
        settings: the database, with the login of an operator.
        name: the job.
        now: the time that counts as now for what is due. None: the time of the server.
        changed: parameters of the job with other values for this run.

    Raises:
        NotFound: there is no such job.
        UsageError: the job has no such parameter, or the database lacks what it needs.
        Conflict: the job is paused.
        ConfigurationError: the database lacks the tables of the jobs.
        TransientError: the database does not answer.
    """
    job = find_job(name)
    changes = read_changes(job, [f"{each}={value}" for each, value in changed.items()])
    check_jobs(settings)
    check_applies(settings, job)
    if name in read_switches(settings):
        raise Conflict(f"{name} is paused: resume it first")
    return RunRequested(job=name, scheduled_for=record_by_hand(settings, name, now, changes))
