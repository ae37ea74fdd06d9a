"""Delete one batch of old rows, with no lock for longer than 100 ms: a ``DeletedBatch`` out."""

import logging
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from psycopg import Connection

from pipeline.clients.postgres.retry import with_connection
from pipeline.clients.postgres.sql import load
from pipeline.domain.errors import StatementTimeout
from pipeline.jobs.job import Counts, Period
from pipeline.settings import DatabaseSettings

# A batch holds the locks of its rows until it commits. It aims at the first, and is cancelled after
# the second.
BATCH_SECONDS: Final = 0.05
LIMIT_MILLISECONDS: Final = 100
MOST_ROWS: Final = 5_000

MOVE_MARK: Final = "move_mark"
_LOCK: Final = load("pipeline.steps", "lock_marks")
_LIMIT: Final = load("pipeline.steps", "limit_batch")

_log: Final = logging.getLogger(__name__)


@dataclass(slots=True)
class Pace:
    """How many rows the next batch looks at, from how long the last one took."""

    rows: int = 1_000

    def learn(self, seconds: float) -> None:
        """Choose the next number of rows after a batch that was done."""
        if seconds > BATCH_SECONDS:
            self.halve()
        elif seconds < BATCH_SECONDS / 3:
            self.rows = min(MOST_ROWS, self.rows * 2)

    def halve(self) -> None:
        """Choose half as many rows, but at least one."""
        self.rows = max(1, self.rows // 2)


@dataclass(frozen=True, slots=True)
class Deletion:
    """One statement of a period, with the days after which a row is deleted."""

    period: Period
    statement: str
    days: int

    @property
    def name(self) -> str:
        """The name of the statement and of its alternative: no other deletion of a job has it."""
        only = self.period.only
        return self.statement if only is None else f"{self.statement}:{only}"


@dataclass(frozen=True, slots=True)
class DeletedBatch:
    """The result of a batch.

    Attributes:
        counts: of its rows.
        cursor: where the next batch begins. None: this was the last one.
        held_by: the unfinished event at which the mark of the ledger stops.
    """

    counts: Counts
    cursor: str | None
    held_by: int | None = None


def delete_batch(
    settings: DatabaseSettings, task: Deletion, parameters: Mapping[str, Any], pace: Pace
) -> DeletedBatch:
    """Delete a batch in one transaction. A dry run deletes nothing and locks nothing.

    The server cancels a batch after 100 ms. It is then tried again with half as many rows. A single
    row that takes as long stays: another session holds it, or a trigger is slow. The log says so,
    it counts as skipped, and the next run tries it again.

    Raises:
        TransientError: the database could not be reached in time.
        ConfigurationError: it cannot succeed.
    """
    while True:
        started = time.monotonic()
        try:
            batch = _execute(
                settings,
                task,
                {**parameters, "most": pace.rows},
                is_limited=not parameters["dry_run"],
            )
        except StatementTimeout:
            if parameters["dry_run"]:
                raise
            if pace.rows == 1:
                return _one_row(settings, task, parameters)
            _log.info(
                "a batch of %d rows of %s took longer than %d ms and was cancelled; trying half",
                pace.rows,
                task.period.table,
                LIMIT_MILLISECONDS,
            )
            pace.halve()
        else:
            pace.learn(time.monotonic() - started)
            return batch


def _one_row(
    settings: DatabaseSettings, task: Deletion, parameters: Mapping[str, Any]
) -> DeletedBatch:
    """Delete one row, or leave it; return what was done, with the cursor behind it."""
    one = {**parameters, "most": 1}
    moves_mark = task.statement == MOVE_MARK
    # Without a lock the row may be looked for as long as it takes. It is then in the cache, so the
    # second try spends its time on nothing but the deletion.
    look = {**one, "dry_run": True} | ({"after": None} if moves_mark else {})
    seen = _execute(settings, task, look, is_limited=False)
    if not seen.counts.due and not moves_mark:
        return seen
    try:
        return _execute(settings, task, one)
    except StatementTimeout:
        _log.warning(
            "a row of %s stays until the next run: its deletion took longer than %d ms, since"
            " another session holds it or a trigger is slow",
            task.period.table,
            LIMIT_MILLISECONDS,
        )
    if moves_mark:
        # The mark passes the event. The row stays for delete_ledger_rows.
        return _execute(settings, task, {**one, "keep": True}, is_limited=False)
    counts = replace(seen.counts, skipped=seen.counts.skipped + seen.counts.due)
    return replace(seen, counts=counts)


def _execute(
    settings: DatabaseSettings,
    task: Deletion,
    parameters: Mapping[str, Any],
    *,
    is_limited: bool = True,
) -> DeletedBatch:
    statement = load("pipeline.steps", task.statement, task.period.only)

    def work(connection: Connection[Any]) -> DeletedBatch:
        # Sent at once, they are one transaction, which the server commits without waiting for us.
        with connection.pipeline():
            if task.statement == MOVE_MARK:
                # A separate statement: the next one must see what the other transaction wrote.
                connection.execute(_LOCK)
            if is_limited:
                connection.execute(_LIMIT, {"milliseconds": str(LIMIT_MILLISECONDS)})
            cursor = connection.execute(statement, {"keep": False, "days": task.days, **parameters})
        (row,) = cursor.fetchall()
        scanned, due, deleted, kept, after, *held = row
        counts = Counts(scanned=scanned, due=due, emitted=deleted, skipped=kept)
        return DeletedBatch(counts, after, held[0] if held else None)

    return with_connection(settings, work)
