"""Connections of calendars over real Postgres, and a Google that answers as one wants."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from uuid import UUID, uuid4

import psycopg
from psycopg import sql
from psycopg.rows import dict_row
from psycopg.types.json import Jsonb

from local.google_calendar import GoogleCalendarServer, Grant, MadeChannel
from pipeline.domain.errors import PermanentError, TransientError
from pipeline.jobs.job import CalendarWatches, Counts, Input, Page
from pipeline.settings import CalendarSettings, DatabaseSettings
from pipeline.steps.renew_watches import renew_watches
from tests.databases import Database
from tests.golden.world import U1, populate

NOW: Final = datetime(2026, 3, 2, 18, tzinfo=UTC)
HOUR: Final = timedelta(hours=1)
DAY: Final = timedelta(days=1)
SECOND: Final = timedelta(seconds=1)
SECRET: Final = "canary-client-secret"  # noqa: S105 - nobody's


@dataclass
class Calendars:
    """A database with connections, and Google as it sees them.

    Attributes:
        database: with the golden world in it.
        owner: a connection as the owner of everything.
        server: Google.
        settings: of the calendar.
    """

    database: Database
    owner: psycopg.Connection[Any]
    server: GoogleCalendarServer
    settings: CalendarSettings = field(init=False)

    def __post_init__(self) -> None:
        self.server.clients["client"] = SECRET
        self.settings = CalendarSettings(
            client_id="client",
            client_secret=SECRET,
            webhook_url="https://app.example.com/hook",
            base_url=self.server.base_url,
            token_url=self.server.token_url,
            timeout=timedelta(seconds=10),
        )

    def connect(self, **columns: object) -> UUID:
        """Insert a connection whose watch ends in an hour and whose access token is fresh."""
        with self.owner.cursor() as connection:
            number = connection.execute("SELECT count(*) FROM calendar_connections").fetchone()
            assert number is not None
            name = f"canary-{number[0]}"
            person = f"{name}@example.com"
            row: dict[str, Any] = {
                "id": uuid4(),
                "user_id": U1,
                "provider": "google",
                "provider_account_id": name,
                "provider_email": person,
                "access_token": f"ya29.{name}",
                "refresh_token": f"1//{name}",
                "token_expires_at": NOW + HOUR,
                "calendar_list": [{"id": person, "primary": True, "selected": True}],
                "sync_enabled": True,
                "watch_channel_id": f"old-{name}",
                "watch_resource_id": f"resource-{person}-{person}",
                "watch_expiration": NOW + HOUR,
            } | columns
            if row["refresh_token"]:
                self.server.grants[row["refresh_token"]] = Grant(calendars={person})
                if row["access_token"]:
                    self.server.access_tokens[row["access_token"]] = row["refresh_token"]
            if row["watch_channel_id"]:
                self.server.channels[row["watch_channel_id"]] = MadeChannel(
                    id=row["watch_channel_id"],
                    resource_id=row["watch_resource_id"] or "",
                    calendar_id=person,
                    address="https://app.example.com/hook",
                    expiration=0,
                )
            calendar_list = row["calendar_list"]
            row["calendar_list"] = None if calendar_list is None else Jsonb(calendar_list)
            connection.execute(
                sql.SQL("INSERT INTO calendar_connections ({}) VALUES ({})").format(
                    sql.SQL(", ").join(map(sql.Identifier, row)),
                    sql.SQL(", ").join(map(sql.Placeholder, row)),
                ),
                row,
            )
        return UUID(str(row["id"]))

    def pages(
        self, now: datetime = NOW, *, dry_run: bool = False, **settings: object
    ) -> Iterator[Page]:
        """Run the job, a page at a time."""
        return renew_watches(
            DatabaseSettings(dsn=self.database.jobs_dsn),
            CalendarWatches(),
            Input(now=now, dry_run=dry_run),
            calendar=replace(self.settings, **settings),  # type: ignore[arg-type]
        )

    def run(self, now: datetime = NOW, **settings: object) -> Counts:
        """Run the job to its end. Return its counts, even if watches failed."""
        total = Counts()
        with suppress(PermanentError, TransientError):
            for page in self.pages(now, dry_run=False, **settings):
                total += page.counts
        return total

    def row(self, connection_id: UUID) -> dict[str, Any]:
        """A connection as it is now."""
        return self._rows("SELECT * FROM calendar_connections WHERE id = %s", connection_id)[0]

    def channel(self, connection_id: UUID) -> str:
        """The channel of a connection as it is now."""
        query = "SELECT watch_channel_id FROM calendar_connections WHERE id = %s"
        return str(self._rows(query, connection_id)[0]["watch_channel_id"])

    def update(self, connection_id: UUID, column: str, value: object) -> None:
        """Change a connection, as the application would."""
        statement = sql.SQL("UPDATE calendar_connections SET {} = %s WHERE id = %s")
        self.owner.execute(statement.format(sql.Identifier(column)), [value, connection_id])

    def known_channels(self) -> list[dict[str, Any]]:
        """What is to be stopped or is being made."""
        return self._rows("SELECT * FROM fanout.calendar_channels ORDER BY channel_id")

    def revoked(self) -> list[dict[str, Any]]:
        """The grants that are marked."""
        return self._rows("SELECT * FROM fanout.calendar_grants ORDER BY since, connection_id")

    def end_claims(self) -> None:
        """As if every process that claimed a channel had been silent for long enough."""
        self.owner.execute("UPDATE fanout.calendar_channels SET claimed_until = now()")

    def _rows(self, query: str, *parameters: object) -> list[dict[str, Any]]:
        with self.owner.cursor(row_factory=dict_row) as cursor:
            return cursor.execute(query.encode(), parameters).fetchall()


@contextmanager
def calendars_in(database: Database) -> Iterator[Calendars]:
    """The golden world with calendars, and a Google for it."""
    with (
        database.connect() as owner,
        GoogleCalendarServer(clock=lambda: NOW).serving() as server,
    ):
        populate(owner)
        yield Calendars(database, owner, server)
