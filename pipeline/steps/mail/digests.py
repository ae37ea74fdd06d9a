"""What digests tell: their leases in, which e-mails and pushes each one still tells out."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Final
from uuid import UUID

import orjson
from psycopg import Connection

from pipeline.clients.postgres.sql import load
from pipeline.domain.lease import Lease
from pipeline.jobs.windows import DigestHours
from pipeline.mail.material import Update
from pipeline.steps.sending.zones import zone_of

# What deliveries of digests have as their source.
SOURCE: Final = "digest_rows"

_ROWS: Final = load(__package__, "digest_rows")
_TIMES: Final = load(__package__, "digest_times")
_LEAVE_OUT: Final = load(__package__, "leave_out")
_LEAVE_OUT_PUSHES: Final = load(__package__, "leave_out_pushes")


@dataclass(frozen=True, slots=True, kw_only=True)
class DigestRow:
    """An e-mail or a push in a digest.

    Attributes:
        id: of the row of ``pending_emails``, or of the delivery that was to be pushed.
        left_out: why the digest did not tell it so far; None: it did.
        is_frozen: whether the mail was frozen for a provider, which gets the same mail again.
    """

    id: int | UUID
    left_out: str | None
    is_frozen: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class DigestEntry:
    """A row of a digest, with what it says.

    Attributes:
        row: its place in the digest.
        update: what it tells.
        reason: why it is not told any more; None: it is.
    """

    row: DigestRow
    update: Update
    reason: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ToldRows:
    """What a digest tells now.

    Attributes:
        ids: of its rows, in their order; none: there is nothing left to tell.
        left_out: the other rows, each with the reason.
    """

    ids: Sequence[int | UUID]
    left_out: Mapping[int | UUID, str] = field(default_factory=dict)


def read_digest_rows(
    connection: Connection[Any], deliveries: Collection[UUID]
) -> Mapping[UUID, Sequence[DigestRow]]:
    """Return the e-mails of each digest, the oldest first. One without any has no entry."""
    found: dict[UUID, list[DigestRow]] = defaultdict(list)
    rows = connection.execute(_ROWS, {"ids": sorted(deliveries)})
    for delivery, email_id, left_out, is_frozen in rows:
        found[delivery].append(DigestRow(id=email_id, left_out=left_out, is_frozen=is_frozen))
    return found


def what_is_told(rows: Iterable[DigestRow], reasons: Mapping[int | UUID, str]) -> ToldRows:
    """Return what a digest tells now.

    A mail that was frozen keeps its rows, unless there is nothing left of it.

    Args:
        rows: of the digest.
        reasons: of those that are not to be told any more, by their id.
    """
    rows = list(rows)
    before = {row.id: row.left_out for row in rows if row.left_out is not None}
    now = {row.id: reasons[row.id] for row in rows if row.id in reasons}
    keeps = any(row.is_frozen and row.id not in before and row.id not in now for row in rows)
    left_out = before if keeps else now
    return ToldRows(ids=[row.id for row in rows if row.id not in left_out], left_out=left_out)


def leave_out(
    connection: Connection[Any], leases: Sequence[Lease], told: Iterable[ToldRows]
) -> None:
    """Record which rows digests do not tell: in two statements, and only for valid leases.

    Args:
        connection: with the login of the sender.
        leases: of the digests.
        told: what they tell.
    """
    left_out = {id_: reason for each in told for id_, reason in each.left_out.items()}
    if not left_out and all(lease.number == 1 for lease in leases):
        return
    leases_held = {
        "sequences": [lease.sequence for lease in leases],
        "tokens": [lease.token for lease in leases],
    }
    for statement, kind in ((_LEAVE_OUT, int), (_LEAVE_OUT_PUSHES, UUID)):
        of_kind = {str(id_): reason for id_, reason in left_out.items() if isinstance(id_, kind)}
        document = orjson.dumps(of_kind).decode()
        connection.execute(statement, {**leases_held, "left_out": document})


def pauses(connection: Connection[Any], users: Collection[UUID]) -> Mapping[UUID, timedelta]:
    """Return how long the digests of people wait who are outside their hours now.

    Raises:
        ConfigurationError: the zone in ``fanout.digest_hours`` does not exist.
    """
    found = {}
    for user, zone, hours, usual, now in connection.execute(_TIMES, {"users": sorted(users)}):
        pause = DigestHours(hours=tuple(hours), zone=usual).pause(zone_of(zone, usual).key, now)
        if pause:
            found[user] = pause
    return found
