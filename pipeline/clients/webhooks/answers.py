"""What an endpoint's answer means: a status in; what is to be done out. Nothing else is kept of it.

https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
"""

from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import Final

from pipeline.domain.provider_answer import (
    Accepted,
    AuthFailed,
    Blame,
    RateLimited,
    Refused,
    Result,
    Unavailable,
)

GONE: Final = "410"
# The address or what it asks for is wrong, for every message: a person must change something.
_SETUP: Final = frozenset({401, 402, 403, 404, 405, 407})
# Another time the same may succeed.
_LATER: Final = frozenset({408, 409, 421, 423, 425})
# An endpoint that names a later time is not believed.
_LONGEST_WAIT: Final = timedelta(days=1)


def read_status(status: int, retry_after: str, at: datetime) -> Result:
    """Return what a status means.

    Args:
        status: of HTTP.
        retry_after: the header; empty: there is none.
        at: when the answer came.
    """
    code = str(status)
    retry_at = _retry_at(retry_after, at)
    if status // 100 == 2:  # noqa: PLR2004 - HTTP
        return Accepted(provider_id=code)
    if status // 100 == 3 or status in _SETUP:  # noqa: PLR2004
        return AuthFailed(code=code)
    if status == HTTPStatus.TOO_MANY_REQUESTS:
        return RateLimited(code=code, retry_at=retry_at)
    if status // 100 == 4 and status not in _LATER:  # noqa: PLR2004
        return Refused(code=code, blame=Blame.ADDRESS if code == GONE else Blame.CONTENT)
    return Unavailable(code=code, may_be_accepted=True, retry_at=retry_at)


def _retry_at(text: str, at: datetime) -> datetime | None:
    """The time of Retry-After: seconds from the answer on, or a date."""
    text = text.strip()
    if text.isascii() and text.isdigit():
        return at + min(timedelta(seconds=int(text[:9])), _LONGEST_WAIT)
    try:
        until = parsedate_to_datetime(text)
        until = until.astimezone(UTC) if until.tzinfo else until.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        return None
    return min(until, at + _LONGEST_WAIT)
