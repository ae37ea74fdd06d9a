"""The limits of the loopback Resend: requests a second, mails a day and a month.

https://resend.com/docs/api-reference/rate-limit
"""

import math
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from local.loopback import LoopbackReply
from local.resend.faults import error


@dataclass(slots=True, kw_only=True)
class Limits:
    """Limits and what of them is used. None: there is none.

    Attributes:
        requests_a_second: of all keys together.
        mails_a_day: of a calendar day in UTC.
        mails_a_month: of a calendar month in UTC.
    """

    requests_a_second: int | None = None
    mails_a_day: int | None = None
    mails_a_month: int | None = None
    _window: datetime | None = field(default=None, init=False)
    _requests: int = field(default=0, init=False)
    _mails: dict[str, int] = field(default_factory=dict, init=False)

    def request(self, now: datetime) -> LoopbackReply | None:
        """Count a request; the error, if it is one too many."""
        if self.requests_a_second is None:
            return None
        if self._window is None or now >= self._window + timedelta(seconds=1):
            self._window, self._requests = now, 0
        self._requests += 1
        if self._requests <= self.requests_a_second:
            return None
        return error("rate_limit_exceeded", headers={"retry-after": self._reset(now)})

    def mails(self, count: int, now: datetime) -> LoopbackReply | None:
        """Count mails; the error, if they are too many."""
        day, month = f"{now:%Y-%m-%d}", f"{now:%Y-%m}"
        for period, limit, name in (
            (day, self.mails_a_day, "daily_quota_exceeded"),
            (month, self.mails_a_month, "monthly_quota_exceeded"),
        ):
            if limit is not None and self._mails.get(period, 0) + count > limit:
                return error(name)
        for period in (day, month):
            self._mails[period] = self._mails.get(period, 0) + count
        return None

    def headers(self, now: datetime) -> dict[str, str]:
        """What every answer says of them."""
        found: dict[str, str] = {}
        if self.requests_a_second is not None:
            found |= {
                "ratelimit-limit": str(self.requests_a_second),
                "ratelimit-remaining": str(max(0, self.requests_a_second - self._requests)),
                "ratelimit-reset": self._reset(now),
            }
        if self.mails_a_day is not None:
            found["x-resend-daily-quota"] = str(self._mails.get(f"{now:%Y-%m-%d}", 0))
        if self.mails_a_month is not None:
            found["x-resend-monthly-quota"] = str(self._mails.get(f"{now:%Y-%m}", 0))
        return found

    def _reset(self, now: datetime) -> str:
        end = (self._window or now) + timedelta(seconds=1)
        return str(max(1, math.ceil((end - now).total_seconds())))
