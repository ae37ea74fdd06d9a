"""What the jobs that emit events cost: ``python -m bench.jobs`` writes docs/jobs-performance.md.

Each job runs over databases of growing size: a first run, for which much is due, and the next run,
for which nothing is. The baseline of the first run is one connection that inserts the same events,
5,000 a statement. About five minutes; exit status 1 if a budget is not met.
"""

import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import psycopg

from bench import machine
from bench.crowd import NOW, crowd
from bench.installation import ROOT
from local.postgres import Postgres
from pipeline.clients.postgres.pool import close_pools
from pipeline.jobs.job import Counts, Input, Job, Pages
from pipeline.jobs.meeting_reminders import MEETING_REMINDERS
from pipeline.jobs.resume_incomplete_nudges import RESUME_INCOMPLETE_NUDGES
from pipeline.jobs.unread_thread_nudges import UNREAD_THREAD_NUDGES
from pipeline.ops.families import Family
from pipeline.ops.migrate import migrate
from pipeline.settings import DatabaseSettings
from pipeline.steps.run_pages import run_pages

REPORT: Final = ROOT / "docs" / "jobs-performance.md"
SIZES: Final = (1_000, 10_000, 50_000, 100_000)
BUDGET_SECONDS: Final = 10
# By then every thread and project is older than the jobs look back.
LATER: Final = NOW + timedelta(days=60)

_RAW: Final = """
    CREATE TEMPORARY TABLE raw AS SELECT event_type, actor_id, project_id, thread_id, meeting_id,
        payload, row_number() OVER (ORDER BY id) AS number FROM domain_events
        WHERE event_type = %s AND created_at >= %s
"""
_RAW_PAGE: Final = """
    INSERT INTO domain_events (event_type, actor_id, project_id, thread_id, meeting_id, payload)
    SELECT event_type, actor_id, project_id, thread_id, meeting_id, payload FROM raw
    WHERE number > %s AND number <= %s
"""


@dataclass(frozen=True, slots=True)
class Measured:
    """A job, its events, what its size counts, and the size for which the budget holds."""

    job: Job
    event_type: str
    unit: str
    budget_size: int


JOBS: Final = (
    Measured(MEETING_REMINDERS, "meeting_reminder", "meetings", 100_000),
    Measured(UNREAD_THREAD_NUDGES, "thread_unread_stale", "threads", 100_000),
    Measured(RESUME_INCOMPLETE_NUDGES, "resume_incomplete_nudge", "projects", 50_000),
)


@dataclass(frozen=True, slots=True)
class Run:
    """One run of a job."""

    counts: Counts
    statements: int
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """A job over a database of one size; ``raw`` is the baseline in seconds."""

    measured: Measured
    size: int
    first: Run
    again: Run
    old: Run
    raw: float

    @property
    def has_budget(self) -> bool:
        """Whether the budget is set for this size."""
        return self.measured.budget_size == self.size

    @property
    def met(self) -> bool:
        """Whether all runs are within the budget, if there is one."""
        return (
            not self.has_budget
            or max(run.seconds for run in (self.first, self.again, self.old)) <= BUDGET_SECONDS
        )

    def __str__(self) -> str:
        verdict = ("yes" if self.met else "**no**") if self.has_budget else ""
        first, again, old = self.first, self.again, self.old
        return (
            f"| {self.measured.job.name} | {self.size:,} {self.measured.unit} | {first.counts.scanned:,}"
            f" | {first.statements} | {first.counts.emitted:,} | {first.seconds:.2f} s"
            f" | {self.raw:.2f} s | {again.seconds:.2f} s | {old.counts.emitted:,}"
            f" in {old.seconds:.2f} s | {verdict} |"
        )


def main() -> int:
    """Measure, write the report; 1 if a budget is not met."""
    noise = machine.spread()
    figures = [each for size in SIZES for each in _measure(size)]
    met = all(each.met for each in figures)
    write_jobs_report(REPORT, figures, machine.Noise(noise, machine.spread()))
    _say(REPORT.read_text())
    return 0 if met else 1


def _measure(size: int) -> Iterator[Figures]:
    with tempfile.TemporaryDirectory(prefix="fanout-bench-") as folder:
        for measured in JOBS:
            with _cluster(Path(folder) / measured.job.name) as dsn:
                with psycopg.connect(dsn, autocommit=True) as connection:
                    crowd(connection, size)
                    yield _measure_job(connection, DatabaseSettings(dsn=dsn), measured, size)
                close_pools()


@contextmanager
def _cluster(folder: Path) -> Iterator[str]:
    cluster = Postgres(folder)
    with cluster:
        migrate(cluster.dsn(), reference_schema=True, family=Family.JOBS)
        yield cluster.dsn()
    cluster.remove()


def _measure_job(
    connection: psycopg.Connection[Any], settings: DatabaseSettings, measured: Measured, size: int
) -> Figures:
    job = measured.job
    _say(f"{job.name}, {size:,} ...")
    # Nothing was due a year before: connections and caches are warm after it.
    _run(settings, job, NOW - timedelta(days=365))
    started = datetime.now(UTC)
    # Before anything was emitted: only the age keeps it from being much.
    old = _run(settings, job, LATER)
    first = _run(settings, job, NOW)
    again = _run(settings, job, NOW)
    raw = _raw(connection, measured.event_type, started)
    return Figures(measured=measured, size=size, first=first, again=again, old=old, raw=raw)


def _run(settings: DatabaseSettings, job: Job, now: datetime) -> Run:
    assert isinstance(job.work, Pages)  # noqa: S101 - all of them are
    started = time.perf_counter()
    pages = list(run_pages(settings, job.work, Input(now=now)))
    seconds = time.perf_counter() - started
    return Run(sum((page.counts for page in pages), Counts()), len(pages), seconds)


def _raw(connection: psycopg.Connection[Any], event_type: str, since: datetime) -> float:
    with psycopg.ClientCursor(connection) as cursor:
        cursor.execute(_RAW, [event_type, since])
        number = cursor.rowcount
        started = time.perf_counter()
        for after in range(0, number, 5_000):
            cursor.execute(_RAW_PAGE, [after, after + 5_000])
        return time.perf_counter() - started


def write_jobs_report(path: Path, figures: list[Figures], noise: machine.Noise) -> None:
    """Write the report of jobs: a line for each job and size."""
    lines = "\n".join(map(str, figures))
    path.write_text(f"""# Performance of the scheduled jobs

Written by `make bench-jobs` on {datetime.now(UTC):%Y-%m-%d}: {machine.describe()}. Postgres and the
job share the machine. Postgres syncs every commit.

The first run finds much that is due. The next run, at the same time, finds nothing. `raw` is the baseline: one
connection inserts the events of the first run again, 5,000 a statement, without looking for what is due and without the
rows that prevent duplicates. `old` is a first run 60 days later, when everything is older than the job looks back.

| job | size | rows scanned | statements | events | first run | raw | next run | old | ≤ {BUDGET_SECONDS} s |
|---|---|---|---|---|---|---|---|---|---|
{lines}

A thread has five participants, and a meeting three. A project has two owners. A page is one statement and scans at most
5,000 participants, or projects with one owner each.

Noise: the same loop varied by a factor of {noise.start:.2f} before and {noise.end:.2f} after (1.00 is a quiet
machine).
""")


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)  # noqa: T201 - progress and the result


if __name__ == "__main__":
    sys.exit(main())
