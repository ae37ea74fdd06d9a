"""The windows of digests: the hours of a person's day at which one may go out.

A window opens when one of the hours begins in the zone of the person, and closes an hour later.
Each declared hour comes once a day, also on the days on which clocks are put forward or back.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from typing import Final

from pipeline.jobs.schedule import Schedule

LENGTH: Final = timedelta(hours=1)
# Whatever the database says: e-mails that are older are never looked for.
OLDEST: Final = timedelta(days=366)
# The smallest step of time: just before an instant.
_STEP: Final = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """One window.

    Attributes:
        opens: when it opens. A digest tells what was queued before.
        oldest: what was queued before this time is too old.
    """

    opens: datetime
    oldest: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class DigestHours:
    """The hours at which digests go out.

    Attributes:
        hours: from 0 to 23, at least one.
        zone: the IANA name of the zone of people whose own zone is not known.
    """

    hours: tuple[int, ...]
    zone: str

    def open_window(self, zone: str, at: datetime, max_age: timedelta) -> Window | None:
        """Return the window that is open at a time; None outside the hours.

        Args:
            zone: the IANA name of the person's zone.
            at: the time.
            max_age: for how long an e-mail may be late, counted from its first window.

        Raises:
            ZoneInfoNotFoundError: there is no such zone.
        """
        schedule = _schedule(self.hours, zone)
        opens = schedule.last(at)
        if at - opens >= LENGTH:
            return None
        return Window(opens=opens, oldest=schedule.last(opens - min(max_age, OLDEST) - _STEP))

    def pause(self, zone: str, at: datetime) -> timedelta:
        """Return the time until a digest may go out: none while a window is open.

        Raises:
            ZoneInfoNotFoundError: there is no such zone.
        """
        schedule = _schedule(self.hours, zone)
        return timedelta(0) if at - schedule.last(at) < LENGTH else schedule.next(at) - at


@cache
def _schedule(hours: tuple[int, ...], zone: str) -> Schedule:
    return Schedule(f"0 {','.join(map(str, hours))} * * *", zone)
