"""Whether the phones of people may ring: claimed deliveries in, a verdict for each out."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from psycopg import Connection

from pipeline.clients.postgres.sql import load
from pipeline.domain.delivery import DeliveryChannel, Priority
from pipeline.domain.lease import Lease
from pipeline.push.budget import PushBudget
from pipeline.push.disturb import PersonNow, WantedPush, decide_pushes
from pipeline.push.hours import DaySpan, RingingHours, SendWindow
from pipeline.push.verdict import Verdict
from pipeline.steps.sending.unwanted import PushTold, read_unwanted
from pipeline.steps.sending.zones import zone_of

_LOCK: Final = load(__package__, "lock_people")
_PEOPLE: Final = load(__package__, "people")
_SURROUNDINGS: Final = load(__package__, "surroundings")


def may_disturb(
    connection: Connection[Any], leases: Sequence[Lease], now: datetime
) -> Mapping[int, Verdict]:
    """Return for each delivery to a person whether the phones may ring, by sequence.

    Call it in the transaction that settles the deliveries: until its end, no other worker decides
    about the same people. The number of statements does not depend on that of the deliveries.

    Args:
        connection: with the login of push.
        leases: on deliveries of the bus that go to phones next, or on deliveries to phones.
        now: the time.

    Raises:
        ConfigurationError: the zone in ``fanout.digest_hours`` does not exist.
    """
    theirs = [each for each in leases if each.values["user_id"] is not None]
    if not theirs:
        return {}
    users = sorted({each.values["user_id"] for each in theirs})
    connection.execute(_LOCK, {"users": users})
    people = read_people(connection, users, now)
    [(has_application, has_digest)] = connection.execute(_SURROUNDINGS).fetchall()
    unwanted = read_unwanted(connection, [_told(each) for each in theirs] * has_application)
    wanted = (_wanted(each, unwanted.get(each.sequence), has_digest) for each in theirs)
    return decide_pushes(wanted, people, now)


def read_people(
    connection: Connection[Any], users: Collection[UUID], now: datetime
) -> dict[UUID, PersonNow]:
    """Read what decides whether people may be disturbed. One statement.

    Raises:
        ConfigurationError: the zone in ``fanout.digest_hours`` does not exist.
    """
    rows = connection.execute(_PEOPLE, {"users": list(users), "now": now})
    return {user: _person(row) for user, *row in rows}


def hours_of(quiet_from: int, quiet_until: int, windows: Sequence[Sequence[Any]]) -> RingingHours:
    """Return the hours at which phones may ring, as a statement reads them.

    Args:
        quiet_from: seconds since midnight.
        quiet_until: the same.
        windows: days, and seconds since midnight at which each opens and closes.
    """
    return RingingHours(
        DaySpan(quiet_from, quiet_until),
        tuple(
            SendWindow(frozenset(days), DaySpan(opens, closes)) for days, opens, closes in windows
        ),
    )


def _person(row: Sequence[Any]) -> PersonNow:
    zone, usual_zone, quiet_from, quiet_until, windows, is_active, *figures = row
    per_hour, per_day, last_hour, last_day = figures
    return PersonNow(
        zone=zone_of(zone, usual_zone),
        hours=hours_of(quiet_from, quiet_until, windows),
        budget=PushBudget(per_hour=per_hour, per_day=per_day),
        is_active=is_active,
        last_hour=last_hour,
        last_day=last_day,
    )


def _told(lease: Lease) -> PushTold:
    return PushTold(
        number=lease.sequence,
        user_id=lease.values["user_id"],
        cause=lease.values["cause"],
        kind=lease.values["kind"],
        is_critical=lease.values["priority"] == Priority.CRITICAL,
    )


def _wanted(lease: Lease, unwanted: str | None, has_digest: bool) -> WantedPush:  # noqa: FBT001
    return WantedPush(
        sequence=lease.sequence,
        user_id=lease.values["user_id"],
        priority=Priority(lease.values["priority"]),
        due_at=lease.due_at,
        unwanted=unwanted,
        has_digest=has_digest,
        is_counted=lease.values["channel"] == DeliveryChannel.FCM,
    )
