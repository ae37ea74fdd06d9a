"""Jobs of the tests' own, what runs them, and what the ledger says of it afterwards."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from typing import Any, Final

from pipeline.jobs.job import Counts, Input, Job, Page, Pages
from pipeline.jobs.schedule import Schedule
from pipeline.jobs.tick import Tick
from pipeline.settings import DatabaseSettings
from pipeline.sinks.dead_letters import write_dead_letters
from pipeline.steps.run_job import JobRunner, RunEnded
from tests.databases import Database

JOB: Final = Job(
    name="sweep",
    summary="sweep three floors",
    schedule=Schedule("*/5 * * * *"),
    work=Pages(statement="none", parameters={"floors": 3}),
)
NOON: Final = datetime(2026, 3, 2, 12, tzinfo=UTC)


@dataclass
class Floors:
    """Work of three pages; it notes what it was given, and does something before a page.

    Attributes:
        before: called with the number of a page, before the page is done.
        given: what each try was given.
        done: the pages that were done.
    """

    before: Callable[[int], object] = lambda _: None
    given: list[Input] = field(default_factory=list)
    done: list[int] = field(default_factory=list)

    def __call__(self, _: DatabaseSettings, __: Pages, given: Input) -> Iterator[Page]:
        self.given.append(given)
        for number in range(int(given.after or 0) + 1, 4):
            self.before(number)
            if not given.dry_run:
                self.done.append(number)
            yield Page(
                counts=Counts(scanned=10, due=2, emitted=1, skipped=1),
                cursor=None if number == 3 else str(number),
                preview=[{"floor": number}] if given.dry_run else (),
            )


def runner_of(settings: DatabaseSettings, work: Callable[..., Iterator[Page]]) -> JobRunner:
    """What runs ``JOB`` with this for its work; pauses have no jitter."""
    return JobRunner(
        settings=settings,
        bury=partial(write_dead_letters, settings, None),
        runners={Pages: work},
        draw=lambda _, longest: longest,
    )


def run_tick(runner: JobRunner, job: Job, tick: Tick) -> list[RunEnded]:
    """Do with a tick what the graph does: record its run, then run every due run of the job."""
    runner.record(job, [tick])
    return list(runner.run_due(job))


@dataclass(frozen=True, slots=True)
class Ledger:
    """A database, and its ledger of runs."""

    database: Database
    settings: DatabaseSettings

    def runner(self, work: Callable[..., Iterator[Page]]) -> JobRunner:
        """As ``runner_of``, in this database."""
        return runner_of(self.settings, work)

    def rows(self, statement: str, *parameters: object) -> list[tuple[Any, ...]]:
        """Return the rows of a statement, as the owner."""
        with self.database.asking() as connection:
            cursor = connection.execute(statement.encode(), parameters or None)
            return cursor.fetchall() if cursor.description is not None else []

    def states(self) -> list[str]:
        """Of every run, in the order of their instants."""
        found = self.rows("SELECT state FROM fanout.job_runs ORDER BY scheduled_for")
        return [state for (state,) in found]

    def attempts(self) -> list[tuple[Any, ...]]:
        """Of every try: number, result, class and reason."""
        return self.rows(
            "SELECT number, result, error_class, reason FROM fanout.attempts"
            " ORDER BY started_at, number"
        )

    def pass_time(self) -> None:
        """Let every lease have run out, and every pause be over."""
        self.rows("UPDATE fanout.job_runs SET next_attempt_at = now() - interval '1 second'")
