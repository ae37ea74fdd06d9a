"""The rows that events of reactions leave, to compare two databases with each other."""

from collections import Counter
from typing import Any, Final

from psycopg import sql

from tests.steps.reactions.board import Board
from tests.torture.oracle import Audit

Rows = Counter[tuple[Any, ...]]

# All columns of these tables but those whose values are the time of the writing.
_TABLES: Final = (
    *("agent_tasks", "message_queue", "inbox_items", "community_requests", "credit_events"),
    *("agent_actions_log", "events", "users", "conversations", "solution_workflows"),
    "intro_opportunities",
)
_ROW: Final = sql.SQL(
    "SELECT (to_jsonb(each) - 'created_at' - 'sequence')::text FROM reactions.{} AS each"
)
_LEDGER: Final = """
    SELECT event_id::text, state, depth, error_class, reason FROM fanout.reactions
"""
# A try that a killed worker lost, or that was given back, changes nothing.
_ENDED: Final = """
    SELECT record_id, result FROM fanout.attempts
    WHERE source = 'events' AND result IN ('done', 'dead')
"""
_LETTERS: Final = "SELECT letter_key, error_class FROM event_dead_letters"
_OPEN: Final = """
    SELECT count(*) FROM reactions.events AS event
    LEFT JOIN fanout.reactions AS ledger ON ledger.event_id = event.id
    WHERE coalesce(ledger.state, '') NOT IN ('done', 'dead', 'unrouted')
"""


def rows_of(board: Board) -> Rows:
    """Return every row of the family, as often as it is there."""
    found: Rows = Counter()
    with board.database.asking() as connection:
        for table in _TABLES:
            rows = connection.execute(_ROW.format(sql.Identifier(table)))
            found.update((table, *row) for row in rows)
        found.update(("ledger", *row) for row in connection.execute(_LEDGER))
        found.update(("attempts", *row) for row in connection.execute(_ENDED))
        found.update(("letters", *row) for row in connection.execute(_LETTERS))
    return found


def open_events(board: Board) -> int:
    """How many events have not ended."""
    return int(board.rows(_OPEN)[0][0])


def audit(found: Rows, wanted: Rows) -> Audit:
    """Compare the rows of a database with those of one in which nothing went wrong."""
    events = Counter(row for row in wanted.elements() if row[0] == "ledger")
    return Audit(
        events=events.total(),
        effects=wanted.total() - events.total(),
        lost_events=0,
        lost=(wanted - found).total(),
        duplicated=(found - wanted).total(),
        misjudged=0,
        dead_letters=0,
    )
