"""How Postgres does a page of a deletion where the ledger is large: never by reading all of it."""

from datetime import UTC, datetime
from typing import Any, Final

import psycopg
import pytest

from pipeline.clients.postgres.sql import load
from tests.effort import effort
from tests.steps.reactions.board import Board

ROWS: Final = 10_000
# A page of 50 handles some rows for each of its own.
FEW_ROWS: Final = 3_000
WHICH: Final = ("finished", "unrouted")


@pytest.fixture
def large(board: Board) -> Board:
    """A ledger of old events: nine of ten are done, and then come those without a handler."""
    for table in ("fanout.reactions", "reactions.events"):
        board.execute(f"ALTER TABLE {table} SET (autovacuum_enabled = off)")
    board.execute(
        "INSERT INTO reactions.events (event_type, payload, processed)"
        " SELECT 'moon.rose', '{}', number <= 0.9 * %s FROM generate_series(1, %s) AS number",
        ROWS,
        ROWS,
    )
    board.execute(
        "INSERT INTO fanout.reactions (event_id, event_type, state, created_at, finished_at)"
        " SELECT id, event_type, CASE WHEN processed THEN 'done' ELSE 'unrouted' END, at,"
        " CASE WHEN processed THEN at END FROM (SELECT *,"
        " now() - interval '300 days' + sequence * interval '1 min' AS at FROM reactions.events"
        " ORDER BY sequence) AS event"
    )
    board.execute("ANALYZE fanout.reactions, reactions.events")
    return board


def pages(board: Board, only: str) -> list[float]:
    """How many rows the first page handles, and one after it."""
    statement = load("pipeline.steps", "delete_reactions", only)
    given: dict[str, Any] = {"now": datetime.now(UTC), "days": 90, "dry_run": False, "most": 50}
    with psycopg.connect(board.database.jobs_dsn, autocommit=True) as connection:
        with connection.transaction(force_rollback=True):
            first = effort(connection, statement, **given, after=None)
        [(_, _, deleted, _, after)] = connection.execute(
            statement, {**given, "after": None}
        ).fetchall()
        assert deleted == given["most"]
        return [first, effort(connection, statement, **given, after=after)]


def test_a_page_of_a_large_ledger_is_found_by_index(large: Board) -> None:
    handled = {only: max(pages(large, only)) for only in WHICH}
    assert max(handled.values()) < FEW_ROWS, handled


def test_control_without_their_indexes_all_rows_are_read(large: Board) -> None:
    large.execute("DROP INDEX fanout.reactions_finished_at_idx, fanout.reactions_not_done_idx")
    large.execute("ANALYZE fanout.reactions")
    handled = {only: max(pages(large, only)) for only in WHICH}
    assert min(handled.values()) > 2 * FEW_ROWS, handled
