"""Read what Google answered: a status, headers and a body in; a value or an error out.

The shapes are documented, and read leniently where the documents leave something open:
https://developers.google.com/workspace/calendar/api/guides/errors
https://developers.google.com/workspace/calendar/api/v3/reference/events/watch
https://developers.google.com/identity/protocols/oauth2/web-server#offline
https://www.rfc-editor.org/rfc/rfc6749#section-5.2
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

from pipeline.clients.google_calendar.errors import (
    AccessTokenRefused,
    CalendarRateLimited,
    CalendarRefused,
    CalendarUnavailable,
    GrantRevoked,
)
from pipeline.clients.http_answers import json_object, retry_time
from pipeline.domain.errors import ConfigurationError, FanoutError
from pipeline.domain.units import moment

# For how long a channel lives of which Google does not say it: its documented default.
DEFAULT_LIFE: Final = timedelta(days=7)
_LONGEST_LIFE: Final = timedelta(days=3_650)
# RFC 6750 allows less than this; nothing else can stand in a header.
_TOKEN: Final = re.compile(r"[\x21-\x7e]{1,8192}")
# What may be quoted of an answer: a word of Google's, never an address or a sentence.
_WORD: Final = re.compile(r"[A-Za-z0-9_.]{1,60}")

_LIMITS: Final = frozenset(
    {
        "concurrentlimitexceeded",
        "dailylimitexceeded",
        "limitexceeded",
        "quotaexceeded",
        "rate_limit_exceeded",
        "ratelimitexceeded",
        "resource_exhausted",
        "userratelimitexceeded",
    }
)
_LIMITS_OF_A_PERSON: Final = frozenset({"userratelimitexceeded"})
_NOT_ENABLED: Final = frozenset({"accessnotconfigured", "service_disabled"})
_WRONG_CLIENT: Final = frozenset({"invalid_client", "deleted_client", "disabled_client"})
_WILL_PASS: Final = frozenset({"internal_failure", "server_error", "temporarily_unavailable"})
_WEBHOOK: Final = "push.webhookurl"


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """One answer. ``at`` is the time at which it came, for a Retry-After in seconds."""

    status: int
    retry_after: str | None
    body: bytes = field(repr=False)
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Tokens:
    """What a refresh gave.

    Attributes:
        access: the access token.
        refresh: a new refresh token, where Google has replaced the old one.
        lifetime: of the access token; None: Google did not say.
    """

    access: str = field(repr=False)
    refresh: str | None = field(repr=False)
    lifetime: timedelta | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Watch:
    """A channel that was made: what it watches, and until when."""

    resource_id: str = field(repr=False)
    expires_at: datetime


def is_token(text: str | None) -> bool:
    """Whether a text can be sent as an access token."""
    return text is not None and _TOKEN.fullmatch(text) is not None


def read_tokens(answer: Answer) -> Tokens:
    """The tokens of an answer of the token endpoint.

    Raises:
        GrantRevoked: the refresh token is of no use any more.
        ConfigurationError: Google does not know our client, or its secret is wrong.
        CalendarRateLimited: too many requests.
        CalendarUnavailable: the answer cannot be read, or is that of a server in trouble.
        CalendarRefused: anything else.
    """
    content = json_object(answer.body)
    if answer.status != 200:  # noqa: PLR2004 - HTTP
        raise _token_error(answer, content)
    access, refresh = content.get("access_token"), content.get("refresh_token")
    if not isinstance(access, str) or not is_token(access):
        raise CalendarUnavailable("Google's token endpoint gave no access token")
    lifetime = _number(content.get("expires_in"))
    return Tokens(
        access=access,
        refresh=refresh if isinstance(refresh, str) and refresh else None,
        lifetime=timedelta(seconds=lifetime) if lifetime and 0 < lifetime < 10**9 else None,
    )


def read_watch(answer: Answer, now: datetime) -> Watch:
    """The channel of an answer of ``events/watch``.

    Raises:
        FanoutError: as of ``calendar_error``.
    """
    if answer.status // 100 != 2:  # noqa: PLR2004 - HTTP
        raise calendar_error(answer)
    content = json_object(answer.body)
    resource_id = content.get("resourceId")
    if not isinstance(resource_id, str) or not resource_id or "\0" in resource_id:
        raise CalendarUnavailable("Google's answer to a watch names no resource")
    milliseconds = _number(content.get("expiration"))
    life = DEFAULT_LIFE
    if milliseconds is not None:
        # Text or number, and never so far away that it is not a date.
        seconds = milliseconds / 1000 - now.timestamp()
        life = timedelta(seconds=min(max(seconds, 0), _LONGEST_LIFE.total_seconds()))
    return Watch(resource_id=resource_id, expires_at=now + life)


def calendar_error(answer: Answer) -> FanoutError:
    """What an answer of the Calendar API means that is not a success."""
    reasons = _reasons(json_object(answer.body))
    words = {reason.lower() for reason in reasons}
    named = f"{answer.status} {reasons[0]}" if reasons else f"{answer.status}"
    if any(word.startswith(_WEBHOOK) for word in words):
        return ConfigurationError(
            f"Google does not call CALENDAR_WEBHOOK_URL ({named}):"
            " verify its domain in the Google Cloud console, and use https"
        )
    if words & _NOT_ENABLED:
        return ConfigurationError(
            f"the Google Calendar API is off for the project of GOOGLE_CLIENT_ID ({named}):"
            " enable it in the Google Cloud console"
        )
    if answer.status == 429 or (answer.status == 403 and words & _LIMITS):  # noqa: PLR2004 - HTTP
        return _rate_limited(answer, named, this_person=bool(words & _LIMITS_OF_A_PERSON))
    if answer.status == 401:  # noqa: PLR2004 - HTTP
        return AccessTokenRefused(f"Google refuses the access token ({named})")
    if 400 <= answer.status < 500 and answer.status != 408:  # noqa: PLR2004 - HTTP
        return CalendarRefused(f"Google refuses for good ({named})")
    return CalendarUnavailable(f"Google cannot answer now ({named})")


def _token_error(answer: Answer, content: Mapping[str, Any]) -> FanoutError:
    word = _word(content.get("error")) or ""
    named = f"{answer.status} {word}".rstrip()
    if word == "invalid_grant":
        return GrantRevoked(word)
    if word in _WRONG_CLIENT:
        return ConfigurationError(
            f"Google refuses GOOGLE_CLIENT_ID or GOOGLE_CLIENT_SECRET ({named}):"
            " take both from the OAuth client in the Google Cloud console"
        )
    if answer.status == 429 or word.lower() in _LIMITS:  # noqa: PLR2004 - HTTP
        return _rate_limited(answer, named)
    # A body that is not JSON is not the endpoint's own, whatever its status.
    if not 400 <= answer.status < 500 or word in _WILL_PASS or not word:  # noqa: PLR2004 - HTTP
        return CalendarUnavailable(f"Google's token endpoint cannot answer now ({named})")
    return CalendarRefused(f"Google gives no access token ({named})")


def _rate_limited(answer: Answer, named: str, *, this_person: bool = False) -> CalendarRateLimited:
    retry_at = retry_time(answer.retry_after, answer.at)
    until = f", until {moment(retry_at)}" if retry_at else ""
    return CalendarRateLimited(
        f"Google allows no more requests for now ({named}{until})",
        retry_at=retry_at,
        this_person=this_person,
    )


def _reasons(content: Mapping[str, Any]) -> list[str]:
    """The words for what is wrong, the most telling first."""
    error = content.get("error")
    if not isinstance(error, dict):
        return [word] if (word := _word(error)) else []
    found = [
        _word(each.get("reason"))
        for name in ("errors", "details")
        if isinstance(error.get(name), list)
        for each in error[name]
        if isinstance(each, dict)
    ]
    return [word for word in (*found, _word(error.get("status"))) if word]


def _word(value: object) -> str | None:
    return value if isinstance(value, str) and _WORD.fullmatch(value) else None


def _number(value: object) -> int | None:
    """A whole number, which Google also writes as text."""
    if isinstance(value, bool):
        return None
    if isinstance(value, int | float):
        return int(value) if abs(value) < 10**18 else None
    if isinstance(value, str) and re.fullmatch(r"[0-9]{1,18}", value):
        return int(value)
    return None
