"""When a job is due: a cron expression in a time zone in, the instants of the schedule out."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from cronsim import CronSim

# Longer than clocks are ever put back, so that no search begins within an hour that comes twice.
_MARGIN: Final = timedelta(hours=3)
# How far back the last instant is looked for; the last is longer than any schedule pauses.
_WINDOWS: Final = tuple(timedelta(hours=hours) for hours in (2, 48, 24 * 60, 24 * 366 * 9))


@dataclass(frozen=True, slots=True)
class Schedule:
    """A schedule that neither the zone of the host nor daylight saving changes.

    A declared hour comes once a day, also on the days on which clocks are put forward or back.

    Attributes:
        cron: five fields, as in crontab(5).
        zone: the IANA name of the time zone in which the fields are read.

    Raises:
        CronSimError: the expression is not valid, or names no day that exists.
        ZoneInfoNotFoundError: there is no such zone.
    """

    cron: str
    zone: str = "UTC"

    def __post_init__(self) -> None:
        self.next(datetime(2026, 1, 1, tzinfo=UTC))

    @property
    def words(self) -> str:
        """The schedule as text: ``at 02:00 every day, UTC``."""
        text = CronSim(self.cron, datetime(2026, 1, 1, tzinfo=UTC)).explain()
        return f"{text[0].lower()}{text[1:]}, {self.zone}"

    def next(self, after: datetime) -> datetime:
        """The first instant after a time, in UTC."""
        return next(instant for instant in self._from(after - _MARGIN) if instant > after)

    def last(self, at: datetime) -> datetime:
        """The last instant at or before a time, in UTC."""
        for window in _WINDOWS:
            found = None
            for instant in self._from(at - window - _MARGIN):
                if instant > at:
                    break
                found = instant
            if found is not None and found > at - window:
                return found
        raise LookupError(f"{self.cron!r} has no instant before {at:%Y-%m-%d}")

    def _from(self, start: datetime) -> Iterator[datetime]:
        for local in CronSim(self.cron, start.astimezone(ZoneInfo(self.zone))):
            yield local.astimezone(UTC)
