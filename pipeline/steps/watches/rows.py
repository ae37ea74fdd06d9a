"""The rows of a renewal: connections of the application, channels and revoked grants of ours."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import Enum, auto
from typing import Any, Final
from uuid import UUID

from psycopg import Connection as DatabaseConnection
from psycopg.rows import class_row

from pipeline.clients.google_calendar.answers import Tokens, Watch
from pipeline.clients.google_calendar.client import WatchChannel
from pipeline.clients.postgres.retry import with_connection
from pipeline.clients.postgres.sql import load
from pipeline.domain.errors import ConfigurationError
from pipeline.settings import DatabaseSettings

# For how long a channel that is being made or stopped is nobody else's. Longer than all requests
# for one connection take, and shorter than the lease of the run.
CLAIM: Final = timedelta(minutes=3)

_HAS_CONNECTIONS: Final = load("pipeline.steps.watches", "has_connections")
_FORGET: Final = load("pipeline.steps.watches", "forget")
_CONNECTIONS: Final = load("pipeline.steps.watches", "connections")
_CLAIM: Final = load("pipeline.steps.watches", "claim")
_TAKE_LEFTOVERS: Final = load("pipeline.steps.watches", "take_leftovers")
_SAVE_TOKENS: Final = load("pipeline.steps.watches", "save_tokens")
_SAVE_WATCH: Final = load("pipeline.steps.watches", "save_watch")
_GIVE_BACK: Final = load("pipeline.steps.watches", "give_back")
_STOPPED: Final = load("pipeline.steps.watches", "stopped")
_MARK_REVOKED: Final = load("pipeline.steps.watches", "mark_revoked")


@dataclass(frozen=True, slots=True, kw_only=True)
class CalendarConnection:
    """A connection whose watch ends soon, or of which channels are left to be stopped.

    Attributes:
        id: of the row.
        is_due: whether its watch is to be renewed.
        is_revoked: whether Google has refused its refresh token before.
        has_leftovers: whether channels of it are to be stopped.
        calendar_id: what is watched.
        watch_channel_id: of the watch that ends.
        watch_resource_id: the same.
        access_token: as stored.
        refresh_token: as stored.
        is_fresh: whether the access token holds for five minutes more.
    """

    id: UUID
    is_due: bool
    is_revoked: bool
    has_leftovers: bool
    calendar_id: str = field(repr=False)
    watch_channel_id: str | None = field(repr=False)
    watch_resource_id: str | None = field(repr=False)
    access_token: str | None = field(repr=False)
    refresh_token: str | None = field(repr=False)
    is_fresh: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownChannel:
    """A channel that is to be stopped; without a resource its answer was lost."""

    id: UUID
    channel_id: str = field(repr=False)
    resource_id: str | None = field(repr=False)


class Claimed(Enum):
    """Whether a renewal may begin."""

    BY_US = auto()
    BY_ANOTHER = auto()
    # The connection has another watch by now, or none.
    TOO_LATE = auto()


class Saved(Enum):
    """What became of a new watch: kept, or of no use as another one was kept first."""

    KEPT = auto()
    # The row of the channel says that it is to be stopped.
    SURPLUS = auto()
    # Another process has taken the row over, since ours took too long.
    LOST = auto()


@dataclass(frozen=True, slots=True)
class WatchRows:
    """Reads and writes these rows, each call in a transaction of its own.

    All methods raise as ``with_connection`` does. No parameter reaches a log.
    """

    settings: DatabaseSettings
    now: datetime

    def check(self) -> None:
        """Raise unless the application keeps calendars.

        Raises:
            ConfigurationError: there is no such table.
        """
        [(has_connections,)] = self._rows(_HAS_CONNECTIONS, {})
        if not has_connections:
            raise ConfigurationError(
                "calendar_connections does not exist: create the table,"
                " or pause renew-calendar-watches if the application has no calendars"
            )

    def forget(self) -> None:
        """Delete what is of no use any more."""
        self._execute(_FORGET, {"now": self.now})

    def page(self, after: str | None, most: int) -> list[CalendarConnection]:
        """The connections with something to do, by id."""
        parameters = {"now": self.now, "after": after, "most": most}

        def work(connection: DatabaseConnection[Any]) -> list[CalendarConnection]:
            with connection.cursor(row_factory=class_row(CalendarConnection)) as cursor:
                return cursor.execute(_CONNECTIONS, parameters).fetchall()

        return with_connection(self.settings, work)

    def claim(self, connection: CalendarConnection, claim: UUID, channel: WatchChannel) -> Claimed:
        """Write down that a channel is going to be made, unless another process does it."""
        [(is_claimed, is_current)] = self._rows(
            _CLAIM,
            {
                "id": claim,
                "connection_id": connection.id,
                "channel_id": channel.id,
                "old_channel_id": connection.watch_channel_id,
                "lease": CLAIM,
                "expires_at": channel.expires_at,
            },
        )
        if is_claimed:
            return Claimed.BY_US
        return Claimed.BY_ANOTHER if is_current else Claimed.TOO_LATE

    def take_leftovers(self, connection: CalendarConnection) -> list[KnownChannel]:
        """The channels of a connection that are to be stopped, ours to stop from now on."""
        rows = self._rows(_TAKE_LEFTOVERS, {"connection_id": connection.id, "lease": CLAIM})
        return [
            KnownChannel(id=each, channel_id=channel_id, resource_id=resource_id)
            for each, channel_id, resource_id in rows
        ]

    def save_tokens(self, connection: CalendarConnection, tokens: Tokens) -> None:
        """Keep refreshed tokens, unless the application has refreshed meanwhile."""
        self._execute(
            _SAVE_TOKENS,
            {
                "connection_id": connection.id,
                "access_token": connection.access_token,
                "refresh_token": connection.refresh_token,
                "new_access_token": tokens.access,
                "new_refresh_token": tokens.refresh,
                "token_expires_at": tokens.lifetime and self.now + tokens.lifetime,
            },
        )

    def save_watch(
        self, connection: CalendarConnection, claim: UUID, channel: WatchChannel, watch: Watch
    ) -> Saved:
        """Keep a new watch, unless the connection has another one by now."""
        [(is_kept, is_ours)] = self._rows(
            _SAVE_WATCH,
            {
                "id": claim,
                "connection_id": connection.id,
                "channel_id": channel.id,
                "resource_id": watch.resource_id,
                "expires_at": watch.expires_at,
                "old_channel_id": connection.watch_channel_id,
                "old_resource_id": connection.watch_resource_id,
                "now": self.now,
            },
        )
        if is_kept:
            return Saved.KEPT
        return Saved.SURPLUS if is_ours else Saved.LOST

    def give_back(self, claim: UUID) -> None:
        """A channel may have been made or not: it is to be stopped by whoever comes next."""
        self._execute(_GIVE_BACK, {"id": claim})

    def stopped(self, ids: Sequence[UUID]) -> None:
        """These channels are no more, or never were."""
        if ids:
            self._execute(_STOPPED, {"ids": list(ids)})

    def mark_revoked(self, connection: CalendarConnection, reason: str) -> None:
        """Remember that Google refused the refresh token."""
        self._execute(
            _MARK_REVOKED,
            {
                "connection_id": connection.id,
                "refresh_token": connection.refresh_token,
                "reason": reason,
                "now": self.now,
            },
        )

    def _execute(self, statement: bytes, parameters: Mapping[str, Any]) -> None:
        with_connection(self.settings, lambda connection: connection.execute(statement, parameters))

    def _rows(self, statement: bytes, parameters: Mapping[str, Any]) -> list[tuple[Any, ...]]:
        return with_connection(
            self.settings, lambda connection: connection.execute(statement, parameters).fetchall()
        )
