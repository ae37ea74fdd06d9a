"""A page of a deletion, while another session changes its rows after they were read."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Final

import psycopg

from pipeline.clients.postgres.sql import load
from tests.databases import Database
from tests.deadline import wait_until

_WAITS: Final = "SELECT cardinality(pg_blocking_pids(%s)) > 0"


def delete_overtaken(
    database: Database, change: str, statement: str, only: str | None = None
) -> int:
    """Delete a page of what is older than 90 days, in the role of the jobs, without its limit.

    The deletion reads the rows as they were. It waits for another session, which then commits a
    change of them. Return how many rows were deleted.

    Args:
        database: the database.
        change: what the other session executes.
        statement: which deletion.
        only: which of its alternatives, if it has any.
    """
    given = {
        "now": datetime.now(UTC),
        "days": 90,
        "after": None,
        "most": 1_000,
        "dry_run": False,
        "keep": False,
    }
    delete = load("pipeline.steps", statement, only)
    with (
        database.connect() as other,
        psycopg.connect(database.jobs_dsn, autocommit=True) as deleting,
        ThreadPoolExecutor(1) as threads,
    ):
        waiting = [deleting.info.backend_pid]
        with other.transaction():
            other.execute(change.encode())
            page = threads.submit(lambda: deleting.execute(delete, given).fetchall())
            wait_until(
                lambda: other.execute(_WAITS, waiting).fetchone() == (True,),
                seconds=30,
                what="the deletion waits for the other session",
            )
        [(_, _, deleted, *_)] = page.result()
    return int(deleted)
