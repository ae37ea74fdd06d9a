"""Delete rows that were kept long enough: periods in, a ``Page`` for each batch of rows out."""

import logging
import time
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from pipeline.clients.postgres.retry import with_connection
from pipeline.clients.postgres.sql import load
from pipeline.domain.errors import UsageError
from pipeline.jobs.job import Input, Page, Retention
from pipeline.settings import DatabaseSettings
from pipeline.steps.retention_batch import MOVE_MARK, DeletedBatch, Deletion, Pace, delete_batch

# Others get the database for as long as a batch had it, within these limits.
SHORTEST_PAUSE_SECONDS: Final = 0.01
LONGEST_PAUSE_SECONDS: Final = 1.0
# So many rows in a row that all stay end a table whose oldest rows come first.
IDLE_ROWS: Final = 100_000
# More than any row can be old. Postgres refuses an interval that leads to a time before 4713 BC.
MOST_DAYS: Final = 36_500

_MISSING: Final = load("pipeline.steps", "missing_tables")

_log: Final = logging.getLogger(__name__)


@dataclass(slots=True)
class _Total:
    """What a dry run found in a table."""

    rows: int = 0
    kept: int = 0


def run_retention(settings: DatabaseSettings, work: Retention, given: Input) -> Iterator[Page]:
    """Delete table by table, batch by batch. Each batch is one short transaction.

    It is harmless to kill a run, to run it twice, and to run it beside another one.

    Args:
        settings: the database, with the login of the jobs.
        work: the periods.
        given: the time that counts as now, where to continue, and changed periods in days.

    Raises:
        UsageError: a changed period does not exist, or is too short.
        TransientError: the database could not be reached in time; run again from the last cursor.
        ConfigurationError: it cannot succeed.
    """
    tasks = _tasks(work, given.changed, _missing(settings, work))
    begun, after = _resume(tasks, given.after)
    pace, total = Pace(), _Total()
    for number, task in enumerate(tasks[begun:], start=begun):
        following = tasks[number + 1] if number + 1 < len(tasks) else None
        for batch in _batches(settings, task, replace(given, after=after), pace):
            total.rows += batch.counts.due
            total.kept += batch.counts.skipped
            if batch.cursor is not None:
                cursor: str | None = f"{task.name} {batch.cursor}"
            else:
                cursor = None if following is None else f"{following.name} "
            ends = batch.cursor is None and (following is None or following.period != task.period)
            preview = [_preview(task, total, batch)] if given.dry_run and ends else []
            yield Page(counts=batch.counts, cursor=cursor, preview=preview)
        if following is not None and following.period != task.period:
            total = _Total()
        after = None


def _missing(settings: DatabaseSettings, work: Retention) -> Collection[str]:
    """Return the tables that this database does not have, of those that periods need."""
    needed = {"tables": sorted({each.needs for each in work.periods if each.needs})}
    return with_connection(
        settings, lambda connection: {name for (name,) in connection.execute(_MISSING, needed)}
    )


def _tasks(work: Retention, changed: Mapping[str, Any], missing: Collection[str]) -> list[Deletion]:
    known = {each.parameter: each for each in work.periods}
    for name, days in changed.items():
        if name not in known:
            raise UsageError(f"invalid parameter {name!r}: expected {' or '.join(known)}")
        fewest = known[name].at_least
        is_number = isinstance(days, int) and not isinstance(days, bool)
        if not is_number or not fewest <= days <= MOST_DAYS:
            raise UsageError(
                f"invalid {name} {str(days)[:80]!r}: expected whole days, at least {fewest} and at"
                f" most {MOST_DAYS}"
            )
    return [
        Deletion(each, statement, changed.get(each.parameter, each.days))
        for each in work.periods
        if each.needs not in missing
        for statement in each.statements
    ]


def _resume(tasks: list[Deletion], cursor: str | None) -> tuple[int, str | None]:
    """Return where to begin. Deleted rows are not found again, so a lost place does no harm."""
    name, _, after = (cursor or "").partition(" ")
    for number, task in enumerate(tasks):
        if task.name == name:
            return number, after or None
    return 0, None


def _batches(
    settings: DatabaseSettings, task: Deletion, given: Input, pace: Pace
) -> Iterator[DeletedBatch]:
    after, idle = given.after, 0
    while True:
        parameters = {"now": given.now, "after": after, "dry_run": given.dry_run}
        started = time.monotonic()
        batch = delete_batch(settings, task, parameters, pace)
        seconds = time.monotonic() - started
        idle = 0 if batch.counts.due else idle + batch.counts.scanned
        if task.period.oldest_first and task.statement != MOVE_MARK and idle >= IDLE_ROWS:
            batch = replace(batch, cursor=None)
        if batch.held_by is not None:
            _log.warning(
                "the ledger is kept from event %d on: it has no final state;"
                " see python -m pipeline why --event %d",
                batch.held_by,
                batch.held_by,
            )
        yield batch
        if batch.cursor is None:
            return
        after = batch.cursor
        # The connection is back in the pool, and no transaction is open.
        time.sleep(min(max(seconds, SHORTEST_PAUSE_SECONDS), LONGEST_PAUSE_SECONDS))


def _preview(task: Deletion, total: _Total, batch: DeletedBatch) -> Mapping[str, Any]:
    shown = {
        "table": task.period.table,
        "days": task.days,
        "would_delete": total.rows,
        "would_keep": total.kept,
    }
    return shown if batch.held_by is None else shown | {"held_by_event": batch.held_by}
