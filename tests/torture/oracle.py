"""Compares the database with the rows that must be in it."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import psycopg

from tests.torture.load import Kind

_ROWS: Final = """
    SELECT event_id, user_id, 'in_app' FROM notifications
    WHERE kind IS DISTINCT FROM 'thread_activity'
    UNION ALL
    SELECT event_id, user_id, 'email' FROM pending_emails
"""
_COUNTS: Final = """
    SELECT user_id, counter_thread_id, sum((payload ->> 'count')::int)
    FROM notifications WHERE kind = 'thread_activity' GROUP BY 1, 2
"""
_LEDGER: Final = "SELECT event_id, processing_status FROM notification_processing"
_LETTERS: Final = "SELECT count(*) FROM event_dead_letters"


@dataclass(frozen=True, slots=True, kw_only=True)
class Audit:
    """The difference between the actual and the expected rows.

    Attributes:
        events: the number of events.
        effects: the number of expected rows and counted messages.
        lost_events: events without a state in the ledger.
        lost: missing rows and counted messages.
        duplicated: rows and counted messages that are too many.
        misjudged: events with a wrong status.
        dead_letters: the number of dead letters; expected is 0.
    """

    events: int
    effects: int
    lost_events: int
    lost: int
    duplicated: int
    misjudged: int
    dead_letters: int

    @property
    def is_clean(self) -> bool:
        """Whether there is no difference."""
        differences = (
            self.lost_events,
            self.lost,
            self.duplicated,
            self.misjudged,
            self.dead_letters,
        )
        return not any(differences)


def audit(dsn: str, expected: Mapping[int, Kind]) -> Audit:
    """Compare a database with the expected results of these events only.

    Unfinished events count as lost, and hide a message that the same counter counts twice.
    """
    with psycopg.connect(dsn) as connection:
        found = Counter(_all(connection, _ROWS))
        counted = Counter({(row[0], row[1]): int(row[2]) for row in _all(connection, _COUNTS)})
        ledger = dict(_all(connection, _LEDGER))
        letters = int(_all(connection, _LETTERS)[0][0])
    events = dict(expected)
    wanted = Counter(
        (event, user, channel) for event, kind in events.items() for user, channel in kind.told
    )
    counts = Counter(key for kind in events.values() for key in kind.counted)
    return Audit(
        events=len(events),
        effects=wanted.total() + counts.total(),
        lost_events=len(events.keys() - ledger.keys()),
        lost=(wanted - found).total() + (counts - counted).total(),
        duplicated=(found - wanted).total() + (counted - counts).total(),
        misjudged=sum(
            event not in events or events[event].status != status
            for event, status in ledger.items()
        ),
        dead_letters=letters,
    )


def _all(connection: psycopg.Connection[Any], statement: str) -> list[Any]:
    return connection.execute(statement).fetchall()
