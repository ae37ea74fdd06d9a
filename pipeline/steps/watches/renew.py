"""Renew the watch of one connection: a row in, the result out."""

import logging
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from datetime import timedelta
from enum import Enum, auto
from functools import partial
from typing import Final, TypeVar
from uuid import UUID, uuid4

from pipeline.clients.google_calendar.answers import Watch, is_token
from pipeline.clients.google_calendar.client import GoogleCalendar, WatchChannel
from pipeline.clients.google_calendar.errors import (
    AccessTokenRefused,
    CalendarRateLimited,
    CalendarUnavailable,
    GrantRevoked,
)
from pipeline.domain.errors import FanoutError, LockTimeout, PermanentError, TransientError
from pipeline.steps.watches.rows import (
    CalendarConnection,
    Claimed,
    KnownChannel,
    Saved,
    WatchRows,
)
from pipeline.steps.watches.turn import Turn

ResultT = TypeVar("ResultT")

# The life that we ask for. Google may shorten it, and says when the channel ends.
LIFE: Final = timedelta(days=30)

# Errors that concern one connection only.
_OF_ONE: Final = (PermanentError, CalendarRateLimited, CalendarUnavailable, LockTimeout)

_log: Final = logging.getLogger(__name__)


class Renewal(Enum):
    """The result for a connection."""

    NOTHING_DUE = auto()
    RENEWED = auto()
    # Its grant is revoked, or another process renewed it.
    SKIPPED = auto()
    # A retry may renew it.
    LATER = auto()
    # No retry can renew it until a person does something.
    FAILED = auto()


_RENEWALS: Final = {
    Saved.KEPT: Renewal.RENEWED,
    Saved.SURPLUS: Renewal.SKIPPED,
    Saved.LOST: Renewal.LATER,
}


class Renewer:
    """Renews watches. Thread-safe.

    First a new channel is made and saved, then the old one is stopped. A channel is in our table
    before Google is asked for it, and until it is saved or stopped.
    """

    def __init__(self, calendar: GoogleCalendar, rows: WatchRows, turn: Turn) -> None:
        self._calendar = calendar
        self._rows = rows
        self._turn = turn

    def renew(self, connection: CalendarConnection) -> Renewal:
        """Renew a watch, and stop the channels that earlier tries left.

        Raises:
            ConfigurationError: no watch at all can be renewed until a person fixes it.
            TransientError: Postgres cannot be reached.
        """
        if connection.is_revoked:
            return Renewal.SKIPPED if connection.is_due else Renewal.NOTHING_DUE
        try:
            return self._renew(connection)
        except GrantRevoked as error:
            self._rows.mark_revoked(connection, error.reason)
            return _failed(connection, error)
        except _OF_ONE as error:
            return _failed(connection, error)

    def _renew(self, connection: CalendarConnection) -> Renewal:
        access = _Access(self._calendar, self._rows, self._turn, connection)
        left = self._rows.take_leftovers(connection) if connection.has_leftovers else []
        missing = self._stop(access, left, connection.watch_resource_id)
        if connection.is_due:
            return self._replace(connection, access, missing)
        # They do not watch what this connection watches now.
        self._rows.stopped([channel.id for channel in missing])
        return Renewal.NOTHING_DUE

    def _replace(
        self, connection: CalendarConnection, access: "_Access", left: Sequence[KnownChannel]
    ) -> Renewal:
        claim = uuid4()
        channel = WatchChannel(
            id=f"fanout-{claim}",
            calendar_id=connection.calendar_id,
            expires_at=self._rows.now + LIFE,
        )
        claimed = self._rows.claim(connection, claim, channel)
        if claimed is Claimed.BY_ANOTHER:
            _log.warning("calendar connection %s: another process renews it", connection.id)
            return Renewal.LATER
        if claimed is Claimed.TOO_LATE:
            return Renewal.SKIPPED
        watch = self._watch(access, claim, channel)
        saved = self._rows.save_watch(connection, claim, channel, watch)
        to_stop = KnownChannel(id=claim, channel_id=channel.id, resource_id=watch.resource_id)
        if saved is Saved.KEPT:
            to_stop = KnownChannel(
                id=claim,
                channel_id=connection.watch_channel_id or "",
                resource_id=connection.watch_resource_id,
            )
        # If the answer of an earlier try was lost, only now we know the resource.
        found_again = [replace(each, resource_id=watch.resource_id) for each in left]
        missing = self._stop(access, [to_stop, *found_again], watch.resource_id)
        self._rows.stopped([each.id for each in missing])
        return _RENEWALS[saved]

    def _watch(self, access: "_Access", claim: UUID, channel: WatchChannel) -> Watch:
        try:
            access.prepare()
        except FanoutError:
            self._rows.stopped([claim])
            raise
        try:
            return access.ask(lambda token: self._calendar.watch(token, channel, self._rows.now))
        except CalendarUnavailable:
            # It may have been made. The next run stops it.
            self._rows.give_back(claim)
            raise
        except FanoutError:
            self._rows.stopped([claim])
            raise

    def _stop(
        self, access: "_Access", channels: Iterable[KnownChannel], resource_id: str | None
    ) -> list[KnownChannel]:
        """Stop channels. Return those that Google does not know.

        A channel that cannot be stopped now stays in the table, for the next run.
        """
        gone: list[KnownChannel] = []
        missing: list[KnownChannel] = []
        for channel in channels:
            watched = channel.resource_id or resource_id
            if watched is None:
                missing.append(channel)
                continue
            try:
                request = partial(
                    self._calendar.stop, channel_id=channel.channel_id, resource_id=watched
                )
                (gone if access.ask(request) else missing).append(channel)
            except _OF_ONE as error:
                _log.info("a channel is stopped later: %s", error)
        self._rows.stopped([channel.id for channel in gone])
        return missing


class _Access:
    """The access token of a connection: the stored one, or a new one, refreshed once and saved."""

    def __init__(
        self,
        calendar: GoogleCalendar,
        rows: WatchRows,
        turn: Turn,
        connection: CalendarConnection,
    ) -> None:
        self._calendar = calendar
        self._rows = rows
        self._turn = turn
        self._connection = connection
        self._token = connection.access_token if connection.is_fresh else None
        self._is_refreshed = False

    def prepare(self) -> None:
        """Make sure that there is a token, and that Google may be asked.

        Raises:
            FanoutError: as ``GoogleCalendar.refresh`` and ``Turn.wait``.
        """
        self._turn.wait()
        if not is_token(self._token):
            self._refresh()

    def ask(self, request: Callable[[str], ResultT]) -> ResultT:
        """Make a request with the token. If Google refuses the token, refresh it and try again.

        Raises:
            FanoutError: as the request and ``prepare``.
        """
        self.prepare()
        try:
            return self._turn.ask(lambda: request(self._token or ""))
        except AccessTokenRefused:
            if self._is_refreshed:
                raise
            self._refresh()
        return self._turn.ask(lambda: request(self._token or ""))

    def _refresh(self) -> None:
        tokens = self._turn.ask(lambda: self._calendar.refresh(self._connection.refresh_token))
        self._rows.save_tokens(self._connection, tokens)
        self._token, self._is_refreshed = tokens.access, True


def _failed(connection: CalendarConnection, error: FanoutError) -> Renewal:
    if not connection.is_due:
        return Renewal.NOTHING_DUE
    _log.warning("calendar connection %s is not renewed: %s", connection.id, error)
    return Renewal.LATER if isinstance(error, TransientError) else Renewal.FAILED
