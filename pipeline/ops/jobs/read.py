"""Reads how every scheduled job stands."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from psycopg import Connection
from psycopg.rows import namedtuple_row

from pipeline.clients.postgres.check import check_first
from pipeline.clients.postgres.retry import with_connection
from pipeline.clients.postgres.sql import load
from pipeline.domain.errors import ConfigurationError
from pipeline.jobs.job import Counts, Job
from pipeline.jobs.schedule import Schedule
from pipeline.jobs.table import JOBS
from pipeline.settings import DatabaseSettings

_JOBS: Final = load(__package__, "jobs")
_HAS_JOBS: Final = load(__package__, "has_jobs")
_HAS_RUNS: Final = load(__package__, "has_runs")
_MISSING: Final = load("pipeline.steps", "missing_tables")
_INSTANT: Final = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class LastRun:
    """The run of a job that was begun last.

    Attributes:
        scheduled_for: the instant of the schedule; by hand, when it was asked for.
        by_hand: whether a person asked for it.
        state: as the ledger has it.
        started_at: of the last try.
        finished_at: None while it runs, or waits for a retry.
        seconds: how long the last try took, or has taken so far.
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
        cron: the cron expression of its schedule.
        zone: the time zone of the schedule.
        schedule: the schedule as text.
        next_at: its next instant.
        overdue: whether two of its periods passed without a run that succeeded since the graph of
            the jobs ran first, and it is not paused.
        done_at: when a run last succeeded.
        done_seconds: seconds since then.
        waiting: runs that wait.
        paused_by: the login that paused it; None where nobody has.
        paused_since: when.
        last: the run that was begun last.
    """

    name: str
    summary: str
    cron: str
    zone: str
    schedule: str
    next_at: datetime
    overdue: bool
    done_at: datetime | None
    done_seconds: float | None
    waiting: int
    paused_by: str | None
    paused_since: datetime | None
    last: LastRun | None


def read_jobs(connection: Connection[Any]) -> list[JobSeen] | None:
    """Return every job that applies, in the order of the table; None without the ledger of runs."""
    if not has_runs(connection):
        return None
    left_out = read_left_out(connection)
    asked = {"jobs": [name for name in JOBS if name not in left_out]}
    with connection.cursor(row_factory=namedtuple_row) as cursor:
        rows: list[Any] = cursor.execute(_JOBS, asked).fetchall()
    return [_seen(JOBS[row.job], row) for row in rows]


def read_left_out(connection: Connection[Any]) -> Mapping[str, str]:
    """Return the jobs that do not run in this database, each with the family that is missing."""
    asked = {"tables": sorted({job.needs.table for job in JOBS.values()})}
    missing = {table for (table,) in connection.execute(_MISSING, asked)}
    return {name: job.needs.family for name, job in JOBS.items() if job.needs.table in missing}


def list_left_out(settings: DatabaseSettings) -> Mapping[str, str]:
    """Like ``read_left_out``."""
    return with_connection(settings, read_left_out)


def list_jobs(settings: DatabaseSettings) -> list[JobSeen]:
    """Return how every job stands.

    Raises:
        ConfigurationError: the database lacks the ledger of runs.
    """
    check_jobs(settings)
    return with_connection(settings, read_jobs) or []


def check_jobs(settings: DatabaseSettings) -> None:
    """Return if the database can be reached, and has the ledger of runs.

    Raises:
        ConfigurationError: it lacks them, or cannot be used at all.
        TransientError: it does not answer.
    """
    check_first(settings)
    if not with_connection(settings, has_runs):
        raise ConfigurationError(
            "the database lacks the tables of scheduled jobs;"
            " run: python -m pipeline migrate --family jobs"
        )


def has_runs(connection: Connection[Any]) -> bool:
    """Return whether the database has the ledger of runs: with the family jobs, or reactions."""
    return bool(connection.execute(_HAS_RUNS).fetchall()[0][0])


def has_jobs(connection: Connection[Any]) -> bool:
    """Return whether the database has the family jobs."""
    return bool(connection.execute(_HAS_JOBS).fetchall()[0][0])


def is_overdue(schedule: Schedule, since: datetime, now: datetime) -> bool:
    """Return whether two periods of the schedule have passed since then."""
    last = schedule.last(now)
    return since < schedule.last(last - _INSTANT)


def _seen(job: Job, row: Any) -> JobSeen:  # noqa: ANN401 - a named tuple
    # Where the graph of the jobs was never run, no job is late.
    since = max((each for each in (row.done_at, row.since) if each is not None), default=None)
    return JobSeen(
        name=job.name,
        summary=job.summary,
        cron=job.schedule.cron,
        zone=job.schedule.zone,
        schedule=job.schedule.words,
        next_at=job.schedule.next(row.now),
        overdue=row.paused_by is None
        and since is not None
        and is_overdue(job.schedule, since, row.now),
        done_at=row.done_at,
        done_seconds=None if row.done_at is None else (row.now - row.done_at).total_seconds(),
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
