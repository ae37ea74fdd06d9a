"""A job: its name, when it is due, and what it does."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from pipeline.jobs.schedule import Schedule


@dataclass(frozen=True, slots=True, kw_only=True)
class Pages:
    """Work that one statement does, a page at a time, until there is no page left.

    The statement stands in ``pipeline/jobs/sql/NAME.sql``. At once it finds what is due, keeps it
    from being due again, and emits the events of a page: a killed worker has done a page or not.

    In: ``now`` (timestamptz), ``after`` (text: the cursor of the page before; NULL for the first
    page), ``most`` (int: the most rows that it looks at), ``dry_run`` (boolean: write nothing) and
    the parameters. Out: one row: scanned, due, emitted, skipped (bigint), ``cursor`` (text; NULL:
    this was the last page) and ``preview`` (jsonb: in a dry run, what would be emitted).

    Attributes:
        statement: the name of the file.
        parameters: what the statement asks for besides; a command can change each by its name.
        most: the most rows of a page.
    """

    statement: str
    parameters: Mapping[str, Any] = field(default_factory=dict)
    most: int = 5_000


@dataclass(frozen=True, slots=True)
class CalendarWatches:
    """Work that asks Google: the watches of calendars that end soon are renewed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Period:
    """How long the rows of a table are kept.

    Attributes:
        table: the table.
        parameter: the name under which a command can change the days.
        days: how long a row is kept.
        at_least: the fewest days that a command may set.
        why: why not shorter, and what keeps a row for longer.
        statements: the statements that delete, a page at a time, in this order. They are files in
            ``pipeline/steps/sql``.
        oldest_first: the pages begin with the oldest rows, or nearly so. Then a run does not look
            at the rows after many that all stay.
    """

    table: str
    parameter: str
    days: int
    at_least: int
    why: str
    statements: Sequence[str]
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


Work = Pages | CalendarWatches | Retention


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One job.

    Attributes:
        name: as the command line, ticks and the ledger of job runs name it.
        summary: what it does, in one line.
        schedule: when.
        work: what.
        lease: for how long a worker may be silent before another one takes the run.
    """

    name: str
    summary: str
    schedule: Schedule
    work: Work
    lease: timedelta = timedelta(minutes=2)


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """What a run, or a page of it, came to.

    Attributes:
        scanned: rows that were looked at.
        due: of them, those for which something was to be done.
        emitted: events, renewed watches or deleted rows.
        skipped: due, and left out for a reason.
        failed: due, and not done: the run goes on, and ends as failed.
    """

    scanned: int = 0
    due: int = 0
    emitted: int = 0
    skipped: int = 0
    failed: int = 0

    def __add__(self, other: "Counts") -> "Counts":
        """Both together."""
        return Counts(
            scanned=self.scanned + other.scanned,
            due=self.due + other.due,
            emitted=self.emitted + other.emitted,
            skipped=self.skipped + other.skipped,
            failed=self.failed + other.failed,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Input:
    """What a run is given.

    Attributes:
        now: the time that counts as now: that of the tick, not that of the clock.
        after: where the run goes on: the cursor of the last page that was done; None at the start.
        dry_run: show what would be done; write nothing, and ask nobody else to.
        changed: parameters that a person gave for this run, by their names.
    """

    now: datetime
    after: str | None = None
    dry_run: bool = False
    changed: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """What a page of a run came to.

    Attributes:
        counts: of this page alone.
        cursor: where the next page begins; None: there is no other.
        preview: in a dry run what would be done, one object each.
    """

    counts: Counts
    cursor: str | None = None
    preview: Sequence[Mapping[str, Any]] = ()
