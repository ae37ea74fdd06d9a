"""What the page of the bus shows: the people and notifications of the stack's database."""

from typing import Any, Final
from uuid import UUID

import psycopg

from local.bus import Shown, ShownPerson

_PEOPLE: Final = """
    SELECT id, coalesce(nullif(full_name, ''), email) AS name FROM profiles
    WHERE id <> '00000000-0000-0000-0000-000000000000' ORDER BY name LIMIT 200
"""
_NEWEST: Final = """
    SELECT id::text, title, message, created_at FROM activity.notifications
    WHERE user_id = %(user)s AND greatest(deliver_at, created_at) <= now()
    UNION ALL
    SELECT id::text, title, coalesce(body, ''), created_at FROM notifications
    WHERE user_id = %(user)s
    ORDER BY created_at DESC LIMIT 50
"""


class DatabaseShelf:
    """Reads the database of a stack anew for each question.

    Args:
        dsn: of the database; empty until it is started.
    """

    def __init__(self, dsn: str = "") -> None:
        self.dsn = dsn

    def people(self) -> list[ShownPerson]:
        """Return everybody who has a profile, by name."""
        return [ShownPerson(id=id_, name=name) for id_, name in self._read(_PEOPLE)]

    def notifications(self, user_id: UUID) -> list[Shown]:
        """Return the newest notifications of a person, the newest first."""
        rows = self._read(_NEWEST, user=user_id)
        return [
            Shown(id=id_, title=title, body=body or "", at=at.isoformat())
            for id_, title, body, at in rows
        ]

    def _read(self, statement: str, **parameters: object) -> list[tuple[Any, ...]]:
        with psycopg.connect(self.dsn, autocommit=True) as connection:
            return connection.execute(statement.encode(), parameters).fetchall()
