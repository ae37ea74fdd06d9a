"""Reads what became of a record that is no event, or of one delivery, in one snapshot."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final
from uuid import UUID

from psycopg import Connection
from psycopg.rows import class_row

from pipeline.clients.postgres.check import check_first
from pipeline.clients.postgres.retry import with_connection
from pipeline.clients.postgres.sql import load
from pipeline.domain.delivery import PUSH_SWITCH, WEBHOOK_SWITCH
from pipeline.domain.errors import ConfigurationError, NotFound
from pipeline.ops.why.cause import ActivityRow, CauseAccount, CausedDelivery
from pipeline.settings import DatabaseSettings

_HAS_DELIVERIES: Final = load("pipeline.ops.deliveries", "has_deliveries")
_HAS_MAILS: Final = load("pipeline.ops.mail", "has_mails")
_HAS_ACTIVITY: Final = load(__package__, "has_activity")
_HAS_WEBHOOKS: Final = load(__package__, "has_webhooks")
_NAMES: Final = load(__package__, "endpoint_names")
# Before the id of an endpoint, where a delivery says whom it was sent to.
_ENDPOINT: Final = WEBHOOK_SWITCH.removeprefix(PUSH_SWITCH)
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
        found = cursor.execute(_CAUSED, asked).fetchall()
    endpoints = [id_ for each in found if (id_ := _endpoint_of(each)) is not None]
    if not endpoints or connection.execute(_HAS_WEBHOOKS).fetchone() != (True,):
        return found
    names = dict(connection.execute(_NAMES, {"ids": endpoints}).fetchall())
    return [_with_name(each, names) for each in found]


def _endpoint_of(delivery: CausedDelivery) -> str | None:
    """Return the id of the endpoint that was asked; None if none was."""
    if delivery.provider is None or not delivery.provider.startswith(_ENDPOINT):
        return None
    return delivery.provider.removeprefix(_ENDPOINT)


def _with_name(delivery: CausedDelivery, names: Mapping[str, str]) -> CausedDelivery:
    """Call the endpoint by the name that people gave it, if it still has one, not by its id."""
    id_ = _endpoint_of(delivery)
    if id_ is None or id_ not in names:
        return delivery

    def named(text: str | None) -> str | None:
        return text and text.replace(id_, names[id_])

    return replace(
        delivery,
        provider=named(delivery.provider),
        reason=named(delivery.reason),
        tries=[{**each, "reason": named(each["reason"])} for each in delivery.tries],
    )
