"""What digests tell: their leases in, which rows of ``pending_emails`` each one still tells out."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID
from zoneinfo import ZoneInfoNotFoundError

import orjson
from psycopg import Connection

from pipeline.clients.postgres.sql import load
from pipeline.domain.errors import ConfigurationError
from pipeline.domain.lease import Lease
from pipeline.jobs.windows import DigestHours

# What deliveries of digests have as their source.
SOURCE: Final = "digest_rows"

_ROWS: Final = load(__package__, "digest_rows")
_TIMES: Final = load(__package__, "digest_times")
_LEAVE_OUT: Final = load(__package__, "leave_out")


@dataclass(frozen=True, slots=True, kw_only=True)
class DigestRow:
    """A row of ``pending_emails`` in a digest.

    Attributes:
        email_id: its id.
        left_out: why the digest did not tell it so far; None: it did.
        is_frozen: whether the mail was frozen for a provider, which gets the same mail again.
    """

    email_id: int
    left_out: str | None
    is_frozen: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ToldRows:
    """What a digest tells now.

    Attributes:
        emails: ids of rows, the oldest first; none: there is nothing left to tell.
        left_out: the other rows, each with the reason.
    """

    emails: Sequence[int]
    left_out: Mapping[int, str] = field(default_factory=dict)


def read_digest_rows(
    connection: Connection[Any], deliveries: Collection[UUID]
) -> Mapping[UUID, Sequence[DigestRow]]:
    """Return the rows of each digest, the oldest first. One without rows has no entry."""
    found: dict[UUID, list[DigestRow]] = defaultdict(list)
    rows = connection.execute(_ROWS, {"ids": sorted(deliveries)})
    for delivery, email_id, left_out, is_frozen in rows:
        found[delivery].append(DigestRow(email_id=email_id, left_out=left_out, is_frozen=is_frozen))
    return found


def what_is_told(rows: Iterable[DigestRow], reasons: Mapping[int, str]) -> ToldRows:
    """Return what a digest tells now.

    A mail that was frozen keeps its rows, unless there is nothing left of it.

    Args:
        rows: of the digest, the oldest first.
        reasons: of those that are not to be told any more, by their id.
    """
    rows = list(rows)
    before = {row.email_id: row.left_out for row in rows if row.left_out is not None}
    now = {row.email_id: reasons[row.email_id] for row in rows if row.email_id in reasons}
    keeps = any(
        row.is_frozen and row.email_id not in before and row.email_id not in now for row in rows
    )
    left_out = before if keeps else now
    return ToldRows(
        emails=[row.email_id for row in rows if row.email_id not in left_out], left_out=left_out
    )


def leave_out(
    connection: Connection[Any], leases: Sequence[Lease], told: Iterable[ToldRows]
) -> None:
    """Record which rows digests do not tell: in one statement, and only for valid leases.

    Args:
        connection: with the login of the sender.
        leases: of the digests.
        told: what they tell.
    """
    left_out = {str(id_): reason for each in told for id_, reason in each.left_out.items()}
    if not left_out and all(lease.number == 1 for lease in leases):
        return
    parameters = {
        "sequences": [lease.sequence for lease in leases],
        "tokens": [lease.token for lease in leases],
        "left_out": orjson.dumps(left_out).decode(),
    }
    connection.execute(_LEAVE_OUT, parameters)


def pauses(connection: Connection[Any], users: Collection[UUID]) -> Mapping[UUID, timedelta]:
    """Return how long the digests of people wait who are outside their hours now.

    Raises:
        ConfigurationError: the zone in ``fanout.digest_hours`` does not exist.
    """
    found = {}
    for user, zone, hours, usual, now in connection.execute(_TIMES, {"users": sorted(users)}):
        pause = _pause(DigestHours(hours=tuple(hours), zone=usual), zone, now)
        if pause:
            found[user] = pause
    return found


def _pause(hours: DigestHours, zone: str | None, now: datetime) -> timedelta:
    for each in (zone, hours.zone):
        try:
            if each is not None:
                return hours.pause(each, now)
        except (ZoneInfoNotFoundError, ValueError):
            # ValueError: a text that cannot be the name of a file.
            continue
    raise ConfigurationError(
        "invalid zone in fanout.digest_hours: expected an IANA name such as Europe/Berlin"
    )
