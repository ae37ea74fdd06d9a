"""Requests to Google Calendar: a refresh token gives an access token, which watches and stops."""

import logging
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, NoReturn, Self
from urllib.parse import quote

import requests
from google.auth.credentials import Credentials
from google.auth.transport.requests import AuthorizedSession
from requests import PreparedRequest, Response, Session
from requests.adapters import HTTPAdapter
from urllib3.exceptions import HTTPError

from pipeline.clients.google_calendar.answers import (
    Answer,
    Tokens,
    Watch,
    calendar_error,
    is_token,
    read_tokens,
    read_watch,
)
from pipeline.clients.google_calendar.errors import (
    AccessTokenRefused,
    CalendarRefused,
    CalendarUnavailable,
    GrantRevoked,
)
from pipeline.domain.clock import utc_now
from pipeline.settings import CalendarSettings

# Longer than anything that Google answers to these requests.
_MOST_BYTES: Final = 65_536
_GONE: Final = frozenset({404, 410})

# At DEBUG they log addresses, which name calendars and so people, and requests with their tokens.
for _name in ("urllib3.connectionpool", "google.auth.transport.requests"):
    logging.getLogger(_name).setLevel(logging.ERROR)


@dataclass(frozen=True, slots=True, kw_only=True)
class WatchChannel:
    """A channel to be made: its id, and for how long it is wanted at most."""

    id: str = field(repr=False)
    calendar_id: str = field(repr=False)
    expires_at: datetime


class _AccessToken(Credentials):
    """An access token as it is: when to refresh it is decided where it can be saved."""

    def __init__(self, token: str) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.token = token

    def refresh(self, request: object) -> NoReturn:
        """Never asked for, as a token without an expiry is always valid."""
        raise NotImplementedError


class GoogleCalendar:
    """Google Calendar for one run; the connections of the run are shared, tokens are not.

    Safe to use from several threads. Every request is made once and takes about
    ``settings.timeout`` at most. Nothing of a request is ever logged.
    """

    def __init__(self, settings: CalendarSettings, *, connections: int = 8) -> None:
        """Check the settings.

        Raises:
            ConfigurationError: one is missing or invalid.
        """
        settings.check()
        self._settings = settings
        # Without retries: whoever asks decides, and urllib3 logs addresses when it retries.
        self._adapter = HTTPAdapter(max_retries=0, pool_maxsize=connections)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._adapter.close()

    def refresh(self, refresh_token: str | None) -> Tokens:
        """Ask for an access token.

        Raises:
            GrantRevoked: there is no refresh token, or Google no longer accepts it.
            ConfigurationError: Google refuses our client.
            CalendarRateLimited: too many requests.
            CalendarRefused: Google refuses for another reason that stays.
            CalendarUnavailable: no answer.
        """
        if not refresh_token:
            raise GrantRevoked("no_refresh_token")
        form = {
            "grant_type": "refresh_token",
            "client_id": self._settings.client_id,
            "client_secret": self._settings.client_secret,
            "refresh_token": refresh_token,
        }
        return read_tokens(self._post(Session(), self._settings.token_url, data=form))

    def watch(self, access_token: str, channel: WatchChannel, now: datetime) -> Watch:
        """Make a channel that tells of changes in a calendar.

        Raises:
            AccessTokenRefused: a refreshed access token may do.
            ConfigurationError: nothing can be watched until a person changes a setting.
            CalendarRateLimited: too many requests.
            CalendarRefused: Google refuses for a reason that stays.
            CalendarUnavailable: no answer: the channel may be there or not.
        """
        if channel.calendar_id in {".", ".."}:
            raise CalendarRefused("invalid calendar id: expected one that a URL can hold")
        body = {
            "id": channel.id,
            "type": "web_hook",
            "address": self._settings.webhook_url,
            # Google shortens what is longer than it allows.
            "expiration": round(channel.expires_at.timestamp() * 1000),
        }
        path = f"calendars/{quote(channel.calendar_id, safe='')}/events/watch"
        return read_watch(self._call(access_token, path, body), now)

    def stop(self, access_token: str, channel_id: str, resource_id: str) -> bool:
        """End a channel. False: there was none.

        Raises:
            FanoutError: as of ``watch``.
        """
        body = {"id": channel_id, "resourceId": resource_id}
        answer = self._call(access_token, "channels/stop", body)
        if answer.status in _GONE:
            return False
        if answer.status // 100 != 2:  # noqa: PLR2004 - HTTP
            raise calendar_error(answer)
        return True

    def _call(self, access_token: str, path: str, body: Mapping[str, Any]) -> Answer:
        if not is_token(access_token):
            raise AccessTokenRefused("invalid access token: expected one that a header can hold")
        session = AuthorizedSession(
            _AccessToken(access_token), refresh_status_codes=(), auth_request=_never
        )
        return self._post(session, f"{self._settings.base_url.rstrip('/')}/{path}", json=body)

    def _post(self, session: Session, url: str, **content: Any) -> Answer:  # noqa: ANN401
        for scheme in ("https://", "http://"):
            session.mount(scheme, self._adapter)
        # Without this, requests would take a password for the host from ~/.netrc instead.
        session.auth = _unchanged
        seconds = self._settings.timeout.total_seconds()
        deadline = time.monotonic() + seconds
        try:
            response = session.post(
                url, **content, timeout=seconds, stream=True, allow_redirects=False
            )
            with response:
                body = _read(response, deadline)
        except (requests.RequestException, HTTPError, OSError) as error:
            # Its text quotes the address.
            raise CalendarUnavailable(f"Google does not answer ({type(error).__name__})") from None
        return Answer(
            status=response.status_code,
            retry_after=response.headers.get("Retry-After"),
            body=body,
            at=utc_now(),
        )


def _read(response: Response, deadline: float) -> bytes:
    """The body, given up when it is too long or comes too slowly."""
    body = b""
    while chunk := response.raw.read1(_MOST_BYTES, decode_content=True):
        body += chunk
        if len(body) > _MOST_BYTES or time.monotonic() > deadline:
            raise TimeoutError
    return body


def _unchanged(request: PreparedRequest) -> PreparedRequest:
    return request


def _never(*_: object, **__: object) -> NoReturn:
    raise NotImplementedError
