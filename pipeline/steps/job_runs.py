"""Reads and writes the ledger of job runs: ticks, leases, progress, ends."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Final

from psycopg import Connection, sql
from psycopg.types.json import Jsonb

from pipeline.clients.postgres.lease import claim, extend, follow_switches, settle
from pipeline.clients.postgres.leased_table import LeasedTable
from pipeline.clients.postgres.retry import with_connection
from pipeline.clients.postgres.sql import load
from pipeline.domain.errors import UsageError
from pipeline.domain.lease import Lease, Settlement
from pipeline.domain.record import RecordKey
from pipeline.jobs.job import Counts, Job, Page
from pipeline.jobs.tick import Tick
from pipeline.settings import DatabaseSettings

SOURCE: Final = "job_runs"
# The columns that a page changes.
PROGRESS: Final = ("cursor", "scanned", "due", "emitted", "skipped", "failed")
JOB_RUNS: Final = LeasedTable(
    name="job_runs",
    source=SOURCE,
    # In the format of isoformat().
    record_id=sql.SQL(
        "record.job || '@' || replace(to_char(record.scheduled_for AT TIME ZONE 'UTC',"
        """ 'YYYY-MM-DD"T"HH24:MI:SS.US'), '.000000', '') || 'Z'"""
    ),
    values=("job", "scheduled_for", "as_of", "requested_by", "changed", *PROGRESS),
    switch="job",
    alone="job",
)

_RECORD: Final = load(__package__, "record_run")
_COALESCE: Final = load(__package__, "coalesce_runs")
_WITHDRAW: Final = load(__package__, "withdraw_run")
_TO_DO: Final = load(__package__, "jobs_to_do")
_MISSING: Final = load(__package__, "missing_tables")
_ROUND_AT: Final = load(__package__, "round_at")


class LeaseLost(Exception):
    """Another worker has taken the run over. This one must stop."""


@dataclass(frozen=True, slots=True, kw_only=True)
class JobRun:
    """A run that this worker holds a lease on.

    Attributes:
        job: its name.
        scheduled_for: with the job, the key.
        as_of: the time that counts as now.
        by_hand: whether a person requested it.
        changed: parameters that the person gave.
        cursor: where the next page begins.
        counts: the sum of the finished pages.
        lease: the lease.
    """

    job: str
    scheduled_for: datetime
    as_of: datetime
    by_hand: bool
    changed: Mapping[str, Any]
    cursor: str | None
    counts: Counts
    lease: Lease

    @property
    def record(self) -> RecordKey:
        """The name of the run in dead letters and attempts."""
        moment = self.scheduled_for.isoformat().replace("+00:00", "Z")
        return RecordKey(SOURCE, f"{self.job}@{moment}")

    def after(self, page: Page) -> "JobRun":
        """Return the run with the cursor and counts after a page."""
        return replace(self, cursor=page.cursor or self.cursor, counts=self.counts + page.counts)


def record_tick(settings: DatabaseSettings, tick: Tick) -> bool:
    """Record the run of a tick. Return whether it is new."""
    return (
        _record(
            settings,
            job=tick.job,
            scheduled_for=tick.scheduled_for,
            as_of=tick.scheduled_for,
            requested_by="tick",
            changed=None,
        )
        is not None
    )


def record_by_hand(
    settings: DatabaseSettings, job: str, as_of: datetime | None, changed: Mapping[str, Any]
) -> datetime:
    """Record a run that a person requests now. Return its ``scheduled_for``."""
    recorded = None
    while recorded is None:
        # The key is taken only if two people ask in the same microsecond.
        recorded = _record(
            settings,
            job=job,
            scheduled_for=None,
            as_of=as_of,
            requested_by="person",
            changed=Jsonb(dict(changed)) if changed else None,
        )
    return recorded


def _record(settings: DatabaseSettings, **parameters: Any) -> datetime | None:  # noqa: ANN401
    def work(connection: Connection[Any]) -> datetime | None:
        row = connection.execute(_RECORD, parameters).fetchone()
        return row and row[0]

    return with_connection(settings, work)


def take_run(
    settings: DatabaseSettings,
    job: str,
    lease: timedelta,
    *,
    scheduled_for: datetime | None = None,
) -> JobRun | None:
    """Combine late ticks into one run, then lease the first due run of the job, if there is one.

    Args:
        settings: the database.
        job: its name.
        lease: for how long this worker may be silent.
        scheduled_for: lease only this run.
    """
    only = {"job": job}

    def work(connection: Connection[Any]) -> JobRun | None:
        connection.execute(_COALESCE, only)
        follow_switches(connection, JOB_RUNS, only=only)
        wanted = only if scheduled_for is None else only | {"scheduled_for": scheduled_for}
        leases = claim(connection, JOB_RUNS, lease, only=wanted)
        return _run(leases[0]) if leases else None

    return with_connection(settings, work)


def withdraw_run(settings: DatabaseSettings, job: str, scheduled_for: datetime, why: str) -> None:
    """Cancel a run that has not started."""
    parameters = {"job": job, "scheduled_for": scheduled_for, "reason": why}
    with_connection(settings, lambda connection: connection.execute(_WITHDRAW, parameters))


def store_progress(settings: DatabaseSettings, run: JobRun, lease: timedelta) -> None:
    """Store the cursor and the counts of a run, and extend its lease.

    Raises:
        LeaseLost: another worker has taken the run over.
    """
    progress = {"cursor": run.cursor, **asdict(run.counts)}

    def work(connection: Connection[Any]) -> bool:
        return extend(connection, JOB_RUNS, run.lease, lease, also=progress)

    if not with_connection(settings, work):
        raise LeaseLost


def settle_run(settings: DatabaseSettings, settlement: Settlement) -> None:
    """Write how a try ended.

    Raises:
        LeaseLost: another worker has taken the run over.
    """
    with_connection(settings, lambda connection: settle_held(connection, settlement))


def settle_held(connection: Connection[Any], settlement: Settlement) -> None:
    """Like ``settle_run``, in the transaction of the caller."""
    if not settle(connection, JOB_RUNS, [settlement]):
        raise LeaseLost


def jobs_to_do(settings: DatabaseSettings) -> list[str]:
    """Return the jobs with a due run: a new one, a retry, or one that was resumed or abandoned."""
    return with_connection(
        settings, lambda connection: [job for (job,) in connection.execute(_TO_DO)]
    )


def does_apply(settings: DatabaseSettings, job: Job) -> bool:
    """Return whether the database has what the job needs."""
    needed = {"tables": [job.needs.table]}
    return not with_connection(
        settings, lambda connection: connection.execute(_MISSING, needed).fetchall()
    )


def check_applies(settings: DatabaseSettings, job: Job) -> None:
    """Return if the database has what the job needs.

    Raises:
        UsageError: it does not.
    """
    if not does_apply(settings, job):
        family = job.needs.family
        raise UsageError(
            f"{job.name} does not run here: the family {family} is not installed;"
            f" run: python -m pipeline migrate --family {family}"
        )


def round_at(settings: DatabaseSettings, job: Job) -> datetime | None:
    """Return the time of a round of a job; None while it is paused, or if it does not apply."""
    asked = {"job": job.name, "needs": job.needs.table}

    def work(connection: Connection[Any]) -> datetime | None:
        row = connection.execute(_ROUND_AT, asked).fetchone()
        return row and row[0]

    return with_connection(settings, work)


def _run(lease: Lease) -> JobRun:
    values = lease.values
    return JobRun(
        job=values["job"],
        scheduled_for=values["scheduled_for"],
        as_of=values["as_of"],
        by_hand=values["requested_by"] == "person",
        changed=values["changed"] or {},
        cursor=values["cursor"],
        counts=Counts(
            scanned=values["scanned"],
            due=values["due"],
            emitted=values["emitted"],
            skipped=values["skipped"],
            failed=values["failed"],
        ),
        lease=lease,
    )
