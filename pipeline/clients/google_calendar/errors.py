"""What Google Calendar can answer instead of doing it, by what is to be done.

No text quotes a token, an id of a calendar or channel, or an e-mail address.
"""

from datetime import datetime

from pipeline.domain.errors import PermanentError, TransientError


class GrantRevoked(PermanentError):
    """The refresh token is missing, or Google no longer accepts it. ``reason`` is Google's word."""

    def __init__(self, reason: str) -> None:
        super().__init__(
            f"the grant is revoked ({reason}): the person has to connect the calendar again"
        )
        self.reason = reason


class AccessTokenRefused(PermanentError):
    """The access token has ended before its time: a refreshed one may do."""


class CalendarRefused(PermanentError):
    """The same request will never succeed: the calendar is gone, or access to it."""


class CalendarRateLimited(TransientError):
    """Google allows no more requests for now.

    Attributes:
        retry_at: from when on it does; None: it did not say.
        this_person: whether only the requests for this person are too many.
    """

    def __init__(
        self, message: str, *, retry_at: datetime | None, this_person: bool = False
    ) -> None:
        super().__init__(message)
        self.retry_at = retry_at
        self.this_person = this_person


class CalendarUnavailable(TransientError):
    """No answer in time, or none that can be read: what was asked may have been done or not."""
