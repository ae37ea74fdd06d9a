"""What scheduled jobs leave for a person to look at: the mark of the ledger, revoked grants."""

from dataclasses import dataclass
from typing import Any, Final

from psycopg import Connection
from psycopg.rows import dict_row

from pipeline.clients.postgres.sql import load
from pipeline.jobs.retention import LEDGER
from pipeline.ops.jobs.read import has_jobs

_HAS_GRANTS: Final = load("pipeline.ops.jobs", "has_grants")
_REVOKED: Final = load("pipeline.ops.jobs", "revoked_grants")
_MARK: Final = load("pipeline.ops.jobs", "retention_mark")


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerMark:
    """Up to which event retention has deleted ledger rows.

    Attributes:
        last_event_id: the last event below the mark; None if there is no mark yet.
        moved_seconds: seconds since the mark moved.
        held_by: the event at which the mark stops because it has no final state, although it is
            older than ledger rows are kept. None: nothing holds the mark up.
        behind_seconds: for how long that event has been so old.
    """

    last_event_id: int | None
    moved_seconds: float | None
    held_by: int | None
    behind_seconds: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class RevokedGrants:
    """Grants of calendars that Google no longer accepts.

    Attributes:
        revoked: how many there are.
        oldest_seconds: for how long the oldest is revoked; 0 if there is none.
    """

    revoked: int
    oldest_seconds: float


def read_mark(connection: Connection[Any]) -> LedgerMark | None:
    """Return the mark of the ledger; None without the tables of the jobs."""
    if not has_jobs(connection):
        return None
    with connection.cursor(row_factory=dict_row) as cursor:
        [row] = cursor.execute(_MARK, {"days": LEDGER.days}).fetchall()
    return LedgerMark(**row)


def read_revoked(connection: Connection[Any]) -> RevokedGrants | None:
    """Return how many grants are revoked; None without the tables of the jobs."""
    if connection.execute(_HAS_GRANTS).fetchone() != (True,):
        return None
    with connection.cursor(row_factory=dict_row) as cursor:
        [row] = cursor.execute(_REVOKED).fetchall()
    return RevokedGrants(**row)
