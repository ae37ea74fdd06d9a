"""Reads what became of a record that is no event, or of one delivery, in one snapshot."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, Final
from uuid import UUID

from psycopg import Connection
from psycopg.rows import class_row

from pipeline.clients.postgres.check import check_first
from pipeline.clients.postgres.retry import with_connection
from pipeline.clients.postgres.sql import load
from pipeline.domain.errors import ConfigurationError, NotFound
from pipeline.ops.why.cause import ActivityRow, CauseAccount, CausedDelivery
from pipeline.settings import DatabaseSettings

_HAS_DELIVERIES: Final = load("pipeline.ops.deliveries", "has_deliveries")
_HAS_MAILS: Final = load("pipeline.ops.mail", "has_mails")
_HAS_ACTIVITY: Final = load(__package__, "has_activity")
_ROW: Final = load(__package__, "activity_row")
_CAUSED: Final = load(__package__, "caused_deliveries")
_REPORTS: Final = load(__package__, "reports_of")
_DIGESTS: Final = load(__package__, "digests_of")


def read_delivery(settings: DatabaseSettings, delivery_id: UUID) -> CauseAccount:
    """Return what became of one delivery, on whatever channel.

    Raises:
        NotFound: the delivery does not exist.
        TransientError: the database does not answer now.
        ConfigurationError: this user may not read it, or the database has no deliveries.
    """

    def read(connection: Connection[Any]) -> CauseAccount:
        deliveries = _caused(connection, None, [delivery_id])
        if not deliveries:
            raise NotFound(
                f"fanout.deliveries has no delivery {delivery_id}: it was deleted, or never made"
            )
        return CauseAccount(cause=deliveries[0].cause, row=None, deliveries=deliveries)

    return _read(settings, read)


def read_activity(settings: DatabaseSettings, row_id: UUID) -> CauseAccount:
    """Return what became of a row of ``activity.notifications``. Raises as ``read_delivery``."""

    def read(connection: Connection[Any]) -> CauseAccount:
        if connection.execute(_HAS_ACTIVITY).fetchone() != (True,):
            raise ConfigurationError(
                "the database has no activity.notifications;"
                " run: python -m pipeline migrate --family activity"
            )
        cause = f"activity.notifications:{row_id}"
        with connection.cursor(row_factory=class_row(ActivityRow)) as cursor:
            row = cursor.execute(_ROW, {"row": row_id}).fetchone()
        deliveries = _caused(connection, cause, [])
        if row is None and not deliveries:
            raise NotFound(
                f"activity.notifications has no row {row_id}: it was deleted, or never written"
            )
        return CauseAccount(cause=cause, row=row, deliveries=deliveries)

    return _read(settings, read)


def read_broadcast(settings: DatabaseSettings, broadcast_id: UUID) -> CauseAccount:
    """Return what became of a broadcast. Raises as ``read_delivery``."""

    def read(connection: Connection[Any]) -> CauseAccount:
        cause = f"broadcasts:{broadcast_id}"
        deliveries = _caused(connection, cause, [])
        if not deliveries:
            raise NotFound(
                f"the broadcast {broadcast_id} has no deliveries: it was never sent, no channel was"
                " on then, or they were deleted"
            )
        return CauseAccount(cause=cause, row=None, deliveries=deliveries)

    return _read(settings, read)


def read_caused(connection: Connection[Any], cause: str) -> Sequence[CausedDelivery]:
    """Return what became of the deliveries of one record; none without a family that has them.

    Args:
        connection: in a snapshot.
        cause: the record, as ``table:key``.
    """
    if connection.execute(_HAS_DELIVERIES).fetchone() != (True,):
        return []
    return _caused(connection, cause, [])


def _read(
    settings: DatabaseSettings, read: Callable[[Connection[Any]], CauseAccount]
) -> CauseAccount:
    check_first(settings)

    def checked(connection: Connection[Any]) -> CauseAccount:
        if connection.execute(_HAS_DELIVERIES).fetchone() != (True,):
            raise ConfigurationError(
                "the database has no fanout.deliveries; run: python -m pipeline migrate --family"
                " push, or --family mail"
            )
        return read(connection)

    return with_connection(settings, checked, snapshot=True)


def _caused(
    connection: Connection[Any], cause: str | None, ids: Sequence[UUID]
) -> list[CausedDelivery]:
    found = _deliveries(connection, cause, ids)
    # Only mail has reports and digests.
    if connection.execute(_HAS_MAILS).fetchone() != (True,):
        return found
    own = {"deliveries": [each.id for each in found]}
    left_out: dict[UUID, str | None] = dict(connection.execute(_DIGESTS, own).fetchall())
    digests = [
        replace(each, is_digest=True, left_out=left_out[each.id])
        for each in _deliveries(connection, None, list(left_out))
    ]
    everything = [*found, *digests]
    asked = {"deliveries": [each.id for each in everything]}
    reports = dict(connection.execute(_REPORTS, asked).fetchall())
    return [replace(each, reports=reports.get(each.id, [])) for each in everything]


def _deliveries(
    connection: Connection[Any], cause: str | None, ids: Sequence[UUID]
) -> list[CausedDelivery]:
    with connection.cursor(row_factory=class_row(CausedDelivery)) as cursor:
        asked = {"cause": cause, "deliveries": list(ids)}
        return cursor.execute(_CAUSED, asked).fetchall()
