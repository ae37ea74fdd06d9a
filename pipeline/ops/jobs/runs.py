"""Reads the runs of a scheduled job, the latest first."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from psycopg import Connection
from psycopg.rows import dict_row

from pipeline.clients.postgres.retry import with_connection
from pipeline.clients.postgres.sql import load
from pipeline.jobs.asked import find_job
from pipeline.jobs.job import Counts
from pipeline.ops.jobs.read import check_jobs
from pipeline.settings import DatabaseSettings

_RUNS: Final = load(__package__, "runs")
_COUNTS: Final = tuple(Counts.__dataclass_fields__)


@dataclass(frozen=True, slots=True, kw_only=True)
class RunListed:
    """A run of a job.

    Attributes:
        scheduled_for: the instant of the schedule; by hand, when it was asked for.
        by_hand: whether a person asked for it.
        state: ``pending``, ``leased`` while it runs, ``waiting`` to be tried again, ``paused``,
            ``done``, ``dead``, ``cancelled`` or ``expired``.
        created_at: when it was asked for.
        started_at: of the last try; None before the first.
        finished_at: None while it goes on, or waits.
        counts: of the pages that are done.
        attempts: how often it was tried.
        next_attempt_at: when it is tried again, if it waits for that.
        error_class: of the failure, if it failed last.
        reason: why it failed or was cancelled.
    """

    scheduled_for: datetime
    by_hand: bool
    state: str
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    counts: Counts
    attempts: int
    next_attempt_at: datetime | None
    error_class: str | None
    reason: str | None


def list_runs(
    settings: DatabaseSettings, name: str, *, most: int, before: datetime | None = None
) -> list[RunListed]:
    """Return the runs of a job that are scheduled before a time, the latest first.

    Raises:
        NotFound: there is no such job.
        ConfigurationError: the database lacks the tables of the jobs.
        TransientError: the database does not answer.
    """
    asked = {"job": find_job(name).name, "before": before, "most": most}
    check_jobs(settings)

    def read(connection: Connection[Any]) -> list[dict[str, Any]]:
        with connection.cursor(row_factory=dict_row) as cursor:
            return cursor.execute(_RUNS, asked).fetchall()

    return [
        RunListed(counts=Counts(**{each: row.pop(each) for each in _COUNTS}), **row)
        for row in with_connection(settings, read)
    ]
