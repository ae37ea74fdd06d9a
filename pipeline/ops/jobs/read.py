"""How every job stands: a connection in, one figure each out."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from psycopg import Connection
from psycopg.rows import namedtuple_row

from pipeline.clients.postgres.check import check_database
from pipeline.clients.postgres.retry import with_connection
from pipeline.clients.postgres.sql import load
from pipeline.domain.errors import ConfigurationError
from pipeline.jobs.job import Counts, Job
from pipeline.jobs.schedule import Schedule
from pipeline.jobs.table import JOBS
from pipeline.settings import DatabaseSettings

_JOBS: Final = load(__package__, "jobs")
_HAS_JOBS: Final = load(__package__, "has_jobs")
_INSTANT: Final = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class LastRun:
    """The run of a job that was begun last.

    Attributes:
        scheduled_for: the instant of the schedule; by hand, when it was asked for.
        by_hand: whether a person asked for it.
        state: as the ledger has it.
        started_at: of the last try.
        finished_at: None while it goes on, or waits to be tried again.
        seconds: how long the last try took, or has taken by now.
        counts: of the pages that are done.
        attempts: how often it was tried.
        next_attempt_at: when it is tried again, if it waits for that.
        error_class: of the failure, if it failed last.
        reason: why it failed or was cancelled.
    """

    scheduled_for: datetime
    by_hand: bool
    state: str
    started_at: datetime
    finished_at: datetime | None
    seconds: float
    counts: Counts
    attempts: int
    next_attempt_at: datetime | None
    error_class: str | None
    reason: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class JobSeen:
    """A job, and how it stands.

    Attributes:
        name: of the job.
        summary: what it does.
        cron: its schedule; ``zone`` is the one that it is read in.
        next_at: its next instant.
        overdue: it is not paused, and has not run well for two of its periods.
        done_at: when a run was done last.
        waiting: runs that wait.
        paused_by: the login that paused it; None where nobody has.
        paused_since: when.
        last: the run that was begun last.
    """

    name: str
    summary: str
    cron: str
    zone: str
    next_at: datetime
    overdue: bool
    done_at: datetime | None
    waiting: int
    paused_by: str | None
    paused_since: datetime | None
    last: LastRun | None


def read_jobs(connection: Connection[Any], jobs: Mapping[str, Job] = JOBS) -> list[JobSeen] | None:
    """Every job, in the order of the table; None where the database has no family jobs."""
    with connection.cursor(row_factory=namedtuple_row) as cursor:
        [(has_jobs,)] = cursor.execute(_HAS_JOBS).fetchall()
        if not has_jobs:
            return None
        rows: list[Any] = cursor.execute(_JOBS, {"jobs": list(jobs)}).fetchall()
    return [_seen(jobs[row.job], row) for row in rows]


def list_jobs(settings: DatabaseSettings) -> Sequence[JobSeen]:
    """Every job, for a command.

    Raises:
        ConfigurationError: the database has no family jobs.
    """
    check_database(settings)
    jobs = with_connection(settings, read_jobs)
    if jobs is None:
        raise ConfigurationError(
            "scheduled jobs are not set up in this database: run"
            " python -m pipeline migrate --family jobs"
        )
    return jobs


def is_overdue(schedule: Schedule, since: datetime, now: datetime) -> bool:
    """Whether two periods of a schedule went by without a run since then."""
    last = schedule.last(now)
    return since < schedule.last(last - _INSTANT)


def _seen(job: Job, row: Any) -> JobSeen:  # noqa: ANN401 - a named tuple
    # A job is not late for what was due before there were jobs here.
    since = max(each for each in (row.done_at, row.since) if each is not None)
    return JobSeen(
        name=job.name,
        summary=job.summary,
        cron=job.schedule.cron,
        zone=job.schedule.zone,
        next_at=job.schedule.next(row.now),
        overdue=row.paused_by is None and is_overdue(job.schedule, since, row.now),
        done_at=row.done_at,
        waiting=row.waiting,
        paused_by=row.paused_by,
        paused_since=row.paused_since,
        last=None if row.state is None else _last(row),
    )


def _last(row: Any) -> LastRun:  # noqa: ANN401 - a named tuple
    return LastRun(
        scheduled_for=row.scheduled_for,
        by_hand=row.requested_by == "person",
        state=row.state,
        started_at=row.started_at,
        finished_at=row.finished_at,
        seconds=row.seconds,
        counts=Counts(
            scanned=row.scanned,
            due=row.due,
            emitted=row.emitted,
            skipped=row.skipped,
            failed=row.failed,
        ),
        attempts=row.attempts,
        next_attempt_at=row.next_attempt_at,
        error_class=row.error_class,
        reason=row.reason,
    )
