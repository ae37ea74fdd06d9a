"""Reads and writes the connections of the application, and our channels and revoked grants."""

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

# How long a channel that is being made or stopped belongs to one process. Longer than all requests
# for a connection take, and shorter than the lease of the run.
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
    """A connection whose watch ends soon, or that has channels to be stopped.

    Attributes:
        id: the key of the row.
        is_due: whether its watch must be renewed.
        is_revoked: whether Google has refused its refresh token before.
        has_leftovers: whether it has channels to be stopped.
        calendar_id: the calendar that is watched.
        watch_channel_id: the channel of the watch that ends.
        watch_resource_id: Google's name for what that channel watches.
        access_token: the stored token.
        refresh_token: the stored token.
        is_fresh: whether the access token is valid for five more minutes.
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
    """A channel to be stopped. Without a resource, Google's answer was lost."""

    id: UUID
    channel_id: str = field(repr=False)
    resource_id: str | None = field(repr=False)


class Claimed(Enum):
    """Whether a renewal may begin."""

    BY_US = auto()
    BY_ANOTHER = auto()
    # The connection has another watch now, or none.
    TOO_LATE = auto()


class Saved(Enum):
    """Whether a new watch is kept, or not needed because another one was kept first."""

    KEPT = auto()
    # Its row says that it must be stopped.
    SURPLUS = auto()
    # We took too long, and another process took the row over.
    LOST = auto()


@dataclass(frozen=True, slots=True)
class WatchRows:
    """Reads and writes these rows. Each call is a transaction of its own.

    All methods raise what ``with_connection`` raises. No parameter reaches a log.
    """

    settings: DatabaseSettings
    now: datetime

    def check(self) -> None:
        """Check that the application has calendars.

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
        """Delete rows that are no longer needed."""
        self._execute(_FORGET, {"now": self.now})

    def page(self, after: str | None, most: int) -> list[CalendarConnection]:
        """Return the connections with something to do, by id."""
        parameters = {"now": self.now, "after": after, "most": most}

        def work(connection: DatabaseConnection[Any]) -> list[CalendarConnection]:
            with connection.cursor(row_factory=class_row(CalendarConnection)) as cursor:
                return cursor.execute(_CONNECTIONS, parameters).fetchall()

        return with_connection(self.settings, work)

    def claim(self, connection: CalendarConnection, claim: UUID, channel: WatchChannel) -> Claimed:
        """Record that a channel is about to be made, unless another process makes one."""
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
        """Claim the channels of a connection that must be stopped, and return them."""
        rows = self._rows(_TAKE_LEFTOVERS, {"connection_id": connection.id, "lease": CLAIM})
        return [
            KnownChannel(id=each, channel_id=channel_id, resource_id=resource_id)
            for each, channel_id, resource_id in rows
        ]

    def save_tokens(self, connection: CalendarConnection, tokens: Tokens) -> None:
        """Save refreshed tokens, unless the application refreshed them first."""
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
        """Save a new watch, unless the connection has another one now."""
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
        """Leave a channel that may have been made to the next run, which stops it."""
        self._execute(_GIVE_BACK, {"id": claim})

    def stopped(self, ids: Sequence[UUID]) -> None:
        """Record that these channels do not exist any more."""
        if ids:
            self._execute(_STOPPED, {"ids": list(ids)})

    def mark_revoked(self, connection: CalendarConnection, reason: str) -> None:
        """Record that Google refused the refresh token."""
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
