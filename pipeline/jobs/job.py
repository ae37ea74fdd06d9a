"""A job: its name, when it is due, and what it does."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

from pipeline.jobs.schedule import Schedule


@dataclass(frozen=True, slots=True, kw_only=True)
class Pages:
    """Work that one statement does, a page at a time, until there is no page left.

    The statement is ``sql/NAME.sql`` of a package. It finds what is due, records it so that it
    is not due again, and emits the events, all in one. So a page is done as a whole or not at all.

    In: ``now`` (timestamptz), ``after`` (text: the cursor of the previous page; NULL for the first
    page), ``most`` (int: the most rows that it looks at), ``dry_run`` (boolean: write nothing) and
    the parameters. Out: one row: scanned, due, emitted, skipped (bigint), ``cursor`` (text; NULL:
    this was the last page) and ``preview`` (jsonb: in a dry run, what would be emitted).

    Attributes:
        statement: the name of the file.
        only: which of its alternatives, if it has any.
        package: the package that has it.
        parameters: the other values that the statement needs. A command can change each by name.
        most: the most rows of a page.
    """

    statement: str
    only: str | None = None
    package: str = "pipeline.jobs"
    parameters: Mapping[str, Any] = field(default_factory=dict)
    most: int = 5_000


@dataclass(frozen=True, slots=True)
class CalendarWatches:
    """Work that renews the watches of Google calendars that end soon."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Period:
    """How long the rows of a table are kept.

    Attributes:
        table: the table, or which of its rows.
        parameter: the name under which a command can change the days.
        days: how long a row is kept.
        at_least: the fewest days that a command may set.
        why: the reason for the days, and what keeps a row for longer.
        statements: the names of the statements that delete, in their order. Each deletes one page.
            They are files in ``pipeline/steps/sql``.
        only: which of their alternatives, if they have any.
        needs: a table without which there is nothing to do, as its family is not installed.
        oldest_first: whether the first pages have the oldest rows, or nearly so. If so, a run ends
            after many rows in a row that all stay.
    """

    table: str
    parameter: str
    days: int
    at_least: int
    why: str
    statements: Sequence[str]
    only: str | None = None
    needs: str | None = None
    oldest_first: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Retention:
    """Work that deletes rows that were kept long enough, table by table, in small batches.

    Attributes:
        periods: the tables, in this order.
    """

    periods: Sequence[Period]

    @property
    def parameters(self) -> Mapping[str, int]:
        """The days of each period by the name under which a command can change them."""
        return {period.parameter: period.days for period in self.periods}


@dataclass(frozen=True, slots=True, kw_only=True)
class Digests:
    """Work that makes a digest for each person for whom e-mails wait, a page of people at a time.

    Attributes:
        most: the most people of a page.
    """

    most: int = 5_000


Work = Pages | CalendarWatches | Retention | Digests


@dataclass(frozen=True, slots=True, kw_only=True)
class Needed:
    """What a database must have for a job: without it, there is nothing to do.

    Attributes:
        family: the family whose migrations make the table.
        table: the name, with its schema.
    """

    family: str
    table: str


OF_JOBS: Final = Needed(family="jobs", table="fanout.thread_nudges")


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One job.

    Attributes:
        name: its name on the command line, in ticks and in the ledger of job runs.
        summary: what it does, in one line.
        schedule: when it is due.
        work: what it does.
        lease: how long a worker may be silent before another one takes the run.
        needs: a database without it does not run the job.
        round_every: on one machine, the seconds between two rounds: what a run does is also done
            between the runs. None: only runs do it.
    """

    name: str
    summary: str
    schedule: Schedule
    work: Work
    lease: timedelta = timedelta(minutes=2)
    needs: Needed = OF_JOBS
    round_every: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """The result of a run, or of one page.

    Attributes:
        scanned: rows that were looked at.
        due: of them, those for which something was to be done.
        emitted: events, renewed watches, deleted rows or digests.
        skipped: due, but left out for a reason.
        failed: due, but not done. The run goes on, and fails at its end.
    """

    scanned: int = 0
    due: int = 0
    emitted: int = 0
    skipped: int = 0
    failed: int = 0

    def __add__(self, other: "Counts") -> "Counts":
        """Return the sum."""
        return Counts(
            scanned=self.scanned + other.scanned,
            due=self.due + other.due,
            emitted=self.emitted + other.emitted,
            skipped=self.skipped + other.skipped,
            failed=self.failed + other.failed,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Input:
    """The input of a run.

    Attributes:
        now: the time that counts as now: that of the tick, not that of the clock.
        after: the cursor of the last finished page, where the run continues; None at the start.
        dry_run: only show what would be done. Nothing is written, and Google is not asked.
        changed: the parameters that a person changed for this run, by name.
    """

    now: datetime
    after: str | None = None
    dry_run: bool = False
    changed: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """The result of one page of a run.

    Attributes:
        counts: the counts of this page alone.
        cursor: where the next page begins; None after the last page.
        preview: in a dry run, one object for each thing that would be done.
    """

    counts: Counts
    cursor: str | None = None
    preview: Sequence[Mapping[str, Any]] = ()
