"""Make the digests of the windows that are open: the input of a run in, its pages out."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any, Final
from zoneinfo import ZoneInfoNotFoundError, available_timezones

import orjson
from psycopg import Connection

from pipeline.clients.postgres.retry import with_connection
from pipeline.clients.postgres.sql import load
from pipeline.domain.errors import ConfigurationError, UsageError
from pipeline.domain.record import RecordKey
from pipeline.jobs.job import Counts, Digests, Input, Page
from pipeline.jobs.windows import DigestHours, Window
from pipeline.settings import DatabaseSettings

# The source in the cause of a digest.
CAUSE: Final = "digest"
# A time so long ago was given by a person, who wants to see that day.
LATE: Final = timedelta(days=1)

_HAS_DIGESTS: Final = "SELECT to_regclass('fanout.digest_pushes') IS NOT NULL"
_PLAN: Final = load("pipeline.jobs", "digest_plan")
_PAGE: Final = load("pipeline.jobs", "digests")


@dataclass(frozen=True, slots=True, kw_only=True)
class _DigestPlan:
    """What a run goes by.

    Attributes:
        since: when mail was switched on.
        max_age: for how long an e-mail may be late.
        hours: of digests.
        has_zones: whether the application names zones of people.
        clock: the time of the server.
    """

    since: datetime
    max_age: timedelta
    hours: DigestHours
    has_zones: bool
    clock: datetime

    def at(self, now: datetime) -> datetime:
        """The time that counts: a tick may come late, and its window may be closed by now."""
        return max(now, self.clock) if self.clock - now < LATE else now


def run_digests(settings: DatabaseSettings, work: Digests, given: Input) -> Iterator[Page]:
    """Do the pages of a run, one after the other; each is done before it is given back.

    A database without mail has nothing to do: one empty page.

    Args:
        settings: of the database, with the login of the jobs.
        work: the size of a page.
        given: the time that counts as now, and where to go on.

    Raises:
        UsageError: a parameter was changed; the job has none.
        TransientError: the database could not be reached in time; run again from the last cursor.
        ConfigurationError: it cannot succeed.
    """
    if given.changed:
        name = next(iter(given.changed))
        raise UsageError(f"invalid parameter {name!r}: expected none: the job has no parameters")
    plan = with_connection(settings, _read_plan)
    windows = {} if plan is None else _windows(plan, plan.at(given.now))
    opened = [window for window in windows.values() if window is not None]
    if plan is None or not opened:
        yield Page(counts=Counts())
        return
    parameters = {
        "windows": orjson.dumps(
            {zone: window and _document(window) for zone, window in windows.items()}
        ).decode(),
        "zone": plan.hours.zone,
        "since": plan.since,
        "oldest": min(window.oldest for window in opened),
        "latest": max(window.opens for window in opened),
        "most": work.most,
        "dry_run": given.dry_run,
    }
    after = given.after
    while True:
        page = with_connection(settings, partial(_do, parameters={**parameters, "after": after}))
        yield page
        if page.cursor is None:
            return
        after = page.cursor


def _read_plan(connection: Connection[Any]) -> _DigestPlan | None:
    if connection.execute(_HAS_DIGESTS).fetchone() != (True,):
        return None
    row = connection.execute(_PLAN).fetchone()
    if row is None:
        return None
    since, max_age, hours, zone, has_zones, clock = row
    return _DigestPlan(
        since=since,
        max_age=max_age,
        hours=DigestHours(hours=tuple(hours), zone=zone),
        has_zones=has_zones,
        clock=clock,
    )


def _windows(plan: _DigestPlan, at: datetime) -> dict[str, Window | None]:
    """Return the window of each zone that is open now; None for a zone outside the hours."""
    zones = {plan.hours.zone, *(available_timezones() if plan.has_zones else ())}
    try:
        return {zone: plan.hours.open_window(zone, at, plan.max_age) for zone in zones}
    except ZoneInfoNotFoundError:
        raise ConfigurationError(
            "invalid zone in fanout.digest_hours: expected an IANA name such as Europe/Berlin"
        ) from None


def _document(window: Window) -> dict[str, Any]:
    opens = window.opens.astimezone(UTC).isoformat().replace("+00:00", "Z")
    return {
        "opens": window.opens,
        "oldest": window.oldest,
        "cause": str(RecordKey(CAUSE, opens)),
    }


def _do(connection: Connection[Any], parameters: dict[str, Any]) -> Page:
    (row,) = connection.execute(_PAGE, parameters).fetchall()
    scanned, due, emitted, skipped, cursor, preview = row
    counts = Counts(scanned=scanned, due=due, emitted=emitted, skipped=skipped)
    return Page(counts=counts, cursor=cursor, preview=preview or ())
