"""A database with old and young rows, and runs of retention over it."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import psycopg
from psycopg import sql

from pipeline.jobs.job import Counts, Input, Page, Retention
from pipeline.jobs.retention import RETENTION
from pipeline.settings import DatabaseSettings
from pipeline.sources.unfinished import Selection, count_unfinished, read_unfinished
from pipeline.steps.retention import run_retention
from tests.databases import Database

assert isinstance(RETENTION.work, Retention)
WORK: Final = RETENTION.work
DAY: Final = timedelta(days=1)
OLD: Final = 100 * DAY
YOUNG: Final = 3 * DAY
FINAL: Final = ("completed", "expired", "unrouted", "dead")
UNFINISHED: Final = ("pending", "processing", "paused", "failed")
# All tables of the database, those of the application included.
_TABLES: Final = """
    SELECT schemaname, tablename FROM pg_tables
    WHERE schemaname NOT IN ('pg_catalog', 'information_schema') ORDER BY 1, 2
"""


@dataclass(frozen=True, slots=True)
class Kept:
    """A database, and what retention does with it in the role of the jobs.

    Attributes:
        database: the database.
        connection: of the owner, for very many statements; None to connect for each.
    """

    database: Database
    connection: psycopg.Connection[Any] | None = None

    @property
    def settings(self) -> DatabaseSettings:
        """The database, in the role of the jobs."""
        return DatabaseSettings(dsn=self.database.jobs_dsn)

    def pages(
        self,
        *tables: str,
        after: str | None = None,
        dry_run: bool = False,
        now: datetime | None = None,
        **changed: object,
    ) -> list[Page]:
        """Run the job over these tables, or all, to its end."""
        given = Input(now=now or datetime.now(UTC), after=after, dry_run=dry_run, changed=changed)
        return list(run_retention(self.settings, only(*tables), given))

    def run(self, *tables: str, **options: Any) -> Counts:  # noqa: ANN401 - as pages
        """Run the job. Return the sum of all pages."""
        return sum((page.counts for page in self.pages(*tables, **options)), Counts())

    def rows(self, statement: str, *parameters: object) -> list[tuple[Any, ...]]:
        """Return the rows of a statement, as the owner."""
        if self.connection is not None:
            return _rows(self.connection, statement, parameters)
        with self.database.asking() as connection:
            return _rows(connection, statement, parameters)

    def insert(
        self,
        *ids: int,
        state: str | None = "completed",
        age: timedelta = OLD,
        ended: timedelta | None = None,
    ) -> None:
        """Insert events of an age and their ledger rows.

        Args:
            ids: of the events.
            state: in the ledger; None for no row.
            age: of the event.
            ended: how long ago the row was last written; None for as long ago as the event.
        """
        self.rows(
            "INSERT INTO domain_events (id, event_type, created_at)"
            " SELECT id, 'moon_rose', now() - %s FROM unnest(%s::bigint[]) AS given (id)",
            age, list(ids),
        )  # fmt: skip
        if state is not None:
            self.state(*ids, state=state, ended=age if ended is None else ended)

    def state(self, *ids: int, state: str, ended: timedelta) -> None:
        """Insert ledger rows of events that are there."""
        self.rows(
            "INSERT INTO notification_processing (event_id, event_type, processing_status,"
            " completed_at, paused_at)"
            " SELECT id, 'moon_rose', %s, CASE WHEN %s = ANY (%s) THEN now() - %s END,"
            " CASE %s WHEN 'paused' THEN now() - %s END"
            " FROM unnest(%s::bigint[]) AS given (id)",
            state, state, list(FINAL), ended, state, ended, list(ids),
        )  # fmt: skip

    def insert_many(self, number: int, *, first: int = 1, age: timedelta = OLD) -> None:
        """Insert completed events of an age, with ids in a row."""
        self.rows(
            "WITH event AS ("
            " INSERT INTO domain_events (id, event_type, created_at)"
            " SELECT number, 'moon_rose', now() - %s"
            " FROM generate_series(%s::bigint, %s) AS number RETURNING id, created_at)"
            " INSERT INTO notification_processing (event_id, processing_status, completed_at)"
            " SELECT id, 'completed', created_at FROM event",
            age, first, first + number - 1,
        )  # fmt: skip

    def ledger(self) -> list[int]:
        """The events that have a ledger row."""
        return [
            row[0] for row in self.rows("SELECT event_id FROM notification_processing ORDER BY 1")
        ]

    def mark(self) -> int | None:
        """Up to which event the mark is."""
        [(mark,)] = self.rows("SELECT max(last_event_id) FROM fanout.retention_marks")
        return mark if mark is None else int(mark)

    def unfinished(self) -> list[int]:
        """The events that a pass of catch-up would take, in the role of the pipeline."""
        settings = DatabaseSettings(dsn=self.database.writer_dsn)
        found = [
            int(each.event_id or 0)
            for batch in read_unfinished(settings, Selection())
            for each in batch
        ]
        assert count_unfinished(settings, Selection()) == len(found)
        return found

    def everything(self) -> Mapping[str, object]:
        """Every row of every table."""
        found: dict[str, object] = {}
        with self.database.connect() as connection:
            for schema, table in connection.execute(_TABLES.encode()).fetchall():
                name = sql.Identifier(schema, table)
                query = sql.SQL("SELECT each::text FROM {} AS each ORDER BY 1").format(name)
                found[f"{schema}.{table}"] = connection.execute(query).fetchall()
        return found


def _rows(
    connection: psycopg.Connection[Any], statement: str, parameters: tuple[object, ...]
) -> list[tuple[Any, ...]]:
    cursor = connection.execute(statement.encode(), parameters or None)
    return cursor.fetchall() if cursor.description is not None else []


def only(*tables: str) -> Retention:
    """The job's work on these tables, or on all."""
    return Retention(periods=[each for each in WORK.periods if not tables or each.table in tables])


def total(pages: Iterable[Page]) -> Counts:
    """Return the sum of pages."""
    return sum((page.counts for page in pages), Counts())
