"""Rows of activity.notifications, and their deliveries."""

from datetime import datetime
from typing import Any, Final
from uuid import UUID, uuid4

import psycopg
from psycopg import sql

from pipeline.clients.postgres.sql import load
from tests.databases import Database

EVERYONE: Final = UUID(int=0)
ADOPT: Final = load("pipeline.steps.push", "adopt_activity")


class Activity:
    """A database in which the channel of the bus is on."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.execute("INSERT INTO fanout.channels (channel) VALUES ('bus')")

    def insert(self, user: UUID | None = None, /, **columns: object) -> UUID:
        """Insert a row as the owner of the table, and return its id."""
        return self.insert_as(self.database.dsn, user or uuid4(), **columns)

    def insert_as(self, dsn: str, user: UUID, **columns: object) -> UUID:
        """Insert a row with a login that may not read it."""
        values = {"id": uuid4(), "user_id": user, "title": "t", "message": "m", **columns}
        statement = sql.SQL("INSERT INTO activity.notifications ({}) VALUES ({})").format(
            sql.SQL(", ").join(map(sql.Identifier, values)),
            sql.SQL(", ").join(map(sql.Placeholder, values)),
        )
        with psycopg.connect(dsn, autocommit=True) as connection:
            connection.execute(statement, values)
        return UUID(str(values["id"]))

    def adopt(self, most: int = 100) -> int:
        """Take rows as the graph does, with its login. Return how many."""
        with psycopg.connect(self.database.push_dsn, autocommit=True) as connection:
            ((taken,),) = connection.execute(ADOPT, {"most": most})
        return int(taken)

    def deliveries(self, *columns: str) -> list[tuple[Any, ...]]:
        """Return these columns of all deliveries, in their order."""
        named = ", ".join(columns)
        return self.rows(f"SELECT {named} FROM fanout.deliveries ORDER BY sequence")  # noqa: S608

    def row(self, row_id: UUID) -> tuple[Any, ...]:
        """Return is_processed, error_count and last_error of a row."""
        (row,) = self.rows(
            "SELECT is_processed, error_count, last_error FROM activity.notifications"
            " WHERE id = %s",
            row_id,
        )
        return row

    def end(self, channel: str, **columns: object) -> None:
        """Change the deliveries of a channel as a settlement does."""
        with self.database.asking() as connection:
            settle(connection, channel, **columns)

    def rows(self, statement: str, *parameters: object) -> list[tuple[Any, ...]]:
        with self.database.asking() as connection:
            return connection.execute(statement.encode(), parameters).fetchall()

    def execute(self, statement: str, *parameters: object) -> None:
        with self.database.asking() as connection:
            connection.execute(statement.encode(), parameters)

    def now(self) -> datetime:
        """Return the time of the server."""
        ((now,),) = self.rows("SELECT now()")
        assert isinstance(now, datetime)
        return now


def settle(connection: psycopg.Connection, channel: str, **columns: object) -> None:
    """Change the deliveries of a channel that have not ended."""
    ends = columns.get("state") in ("done", "dead", "cancelled", "expired")
    changes: list[sql.Composable] = [
        sql.SQL("{} = {}").format(sql.Identifier(name), sql.Placeholder(name)) for name in columns
    ]
    if ends:
        changes.append(sql.SQL("finished_at = now()"))
    connection.execute(
        sql.SQL(
            "UPDATE fanout.deliveries SET {} WHERE channel = %(of)s AND finished_at IS NULL"
        ).format(sql.SQL(", ").join(changes)),
        {**columns, "of": channel},
    )
