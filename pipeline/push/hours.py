"""When a phone may ring: quiet hours and send windows, by the clock on the person's wall. No I/O.

On days on which clocks change, the clock on the wall counts as well: an end that it leaps over is
reached with the leap, and a quiet time that comes twice is quiet twice.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

DAY_SECONDS: Final = 86_400
# Every day of a week comes within this time, whatever clocks do. Beyond it nothing opens.
HORIZON: Final = timedelta(days=8)
_SECOND: Final = timedelta(seconds=1)


@dataclass(frozen=True, slots=True)
class DaySpan:
    """A part of a day, from its begin to just before its end.

    Attributes:
        begins: seconds since midnight, as the clock on the wall shows them.
        ends: the same. Before ``begins``: it goes past midnight. Equal: it is empty.
    """

    begins: int
    ends: int

    def __contains__(self, second: int) -> bool:
        if self.begins <= self.ends:
            return self.begins <= second < self.ends
        return second >= self.begins or second < self.ends


@dataclass(frozen=True, slots=True)
class SendWindow:
    """A part of some days of the week.

    Attributes:
        days: 1 is Monday, 7 is Sunday.
        span: on each of them; not past midnight. It may end at ``DAY_SECONDS``.
    """

    days: frozenset[int]
    span: DaySpan


@dataclass(frozen=True, slots=True)
class RingingHours:
    """The hours at which a phone may ring.

    Attributes:
        quiet: it never rings then.
        windows: it rings only in one of these. None given: at any time.
    """

    quiet: DaySpan = DaySpan(0, 0)
    windows: tuple[SendWindow, ...] = ()

    def quiet_until(self, at: datetime, zone: ZoneInfo) -> datetime | None:
        """Return when the phone may ring next, exactly; None: it may ring at this time.

        If it never may, that is ``HORIZON`` later.

        Args:
            at: the time.
            zone: of the person.
        """
        if self._allows(at.astimezone(zone)):
            return None
        today = at.astimezone(zone).replace(hour=0, minute=0, second=0, microsecond=0, tzinfo=None)
        # Most wait for one night: then the other days need not be looked at.
        for days in (range(-1, 3), range(-1, 10)):
            changes = sorted({each for each in self._changes(today, days, zone) if each > at})
            for each in changes:
                if each <= at + HORIZON and self._allows(each.astimezone(zone)):
                    return each
        return at + HORIZON

    def _allows(self, local: datetime) -> bool:
        second = local.hour * 3600 + local.minute * 60 + local.second
        if second in self.quiet:
            return False
        return not self.windows or any(
            local.isoweekday() in each.days and second in each.span for each in self.windows
        )

    def _changes(self, today: datetime, days: Iterable[int], zone: ZoneInfo) -> Iterator[datetime]:
        """Yield every instant of these days at which the answer can change, in UTC."""
        spans = (self.quiet, *(each.span for each in self.windows))
        seconds = {*(each.begins for each in spans), *(each.ends for each in spans)}
        for day in days:
            for second in seconds:
                local = today + timedelta(days=day, seconds=second)
                once, again = (
                    local.replace(tzinfo=zone, fold=fold).astimezone(UTC) for fold in (0, 1)
                )
                yield once
                if once != again:
                    # The clock shows this time twice, or never: it is put back or forward nearby.
                    yield again
                    yield _clock_change(min(once, again), max(once, again), zone)


def _clock_change(before: datetime, after: datetime, zone: ZoneInfo) -> datetime:
    """Return the first second after a change of the clock that lies between two instants."""
    offset = before.astimezone(zone).utcoffset()
    while after - before > _SECOND:
        middle = before + (after - before) // 2
        middle -= timedelta(microseconds=middle.microsecond)
        if middle.astimezone(zone).utcoffset() == offset:
            before = middle
        else:
            after = middle
    return after
