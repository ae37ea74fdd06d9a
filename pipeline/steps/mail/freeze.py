"""Freezes requests before they are made, and notes in the ledger that a provider is asked."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from psycopg import Connection

from pipeline.clients.mail.provider import FrozenRequest
from pipeline.clients.postgres.retry import with_connection
from pipeline.clients.postgres.sql import load
from pipeline.domain.lease import Lease
from pipeline.settings import DatabaseSettings
from pipeline.settings.mail import ProviderName
from pipeline.steps.mail.sender import LEASE

_ASK: Final = load(__package__, "ask")
_ASK_BATCH: Final = load(__package__, "ask_batch")
_FREEZE_BATCH: Final = load(__package__, "freeze_batch")
_FROZEN_BATCHES: Final = load(__package__, "frozen_batches")


@dataclass(frozen=True, slots=True, kw_only=True)
class AskedRequest:
    """A frozen request that is noted in the ledger, and may be made now.

    Attributes:
        request: what is sent.
        leases: of the mails in it, in order.
        trial: whether it is the trial of an open breaker.
    """

    request: FrozenRequest
    leases: tuple[Lease, ...]
    trial: bool = False

    @property
    def provider(self) -> ProviderName:
        """Who is asked."""
        return self.request.provider


@dataclass(frozen=True, slots=True)
class FrozenBatch:
    """A request for several mails, and the deliveries in it, in order."""

    request: FrozenRequest
    members: tuple[UUID, ...]


class _MembersLost(Exception):
    """Another worker has taken some members over: nothing is written."""


def ask_alone(
    settings: DatabaseSettings, provider: ProviderName, requests: Sequence[AskedRequest]
) -> list[AskedRequest]:
    """Freeze requests for one mail each. Return those whose leases are still valid."""
    if not requests:
        return []
    parameters = {
        "provider": provider,
        "seconds": LEASE.total_seconds(),
        "sequences": [each.leases[0].sequence for each in requests],
        "tokens": [each.leases[0].token for each in requests],
        "bodies": [each.request.body for each in requests],
    }
    ours = with_connection(
        settings,
        lambda connection: {row[0] for row in connection.execute(_ASK, parameters)},
    )
    return [each for each in requests if each.leases[0].sequence in ours]


def ask_batch(
    settings: DatabaseSettings,
    batch: UUID,
    request: FrozenRequest,
    leases: Sequence[Lease],
    *,
    new: bool,
) -> bool:
    """Freeze a request for several mails. Return whether all leases are still valid.

    Args:
        settings: the database.
        batch: the id of the request.
        request: what is sent.
        leases: of the mails in it, in order.
        new: whether the request is made for the first time.
    """
    parameters = {
        "batch": batch,
        "provider": request.provider,
        "seconds": LEASE.total_seconds(),
        "sequences": [each.sequence for each in leases],
        "tokens": [each.token for each in leases],
        "key": request.key,
        "members": [each.values["id"] for each in leases],
        "body": request.body,
    }

    def write(connection: Connection[Any]) -> None:
        with connection.transaction():
            if new:
                connection.execute(_FREEZE_BATCH, parameters)
            ours = connection.execute(_ASK_BATCH, parameters).fetchall()
            if len(ours) < len(leases):
                raise _MembersLost

    try:
        with_connection(settings, write)
    except _MembersLost:
        return False
    return True


def frozen_batches(
    settings: DatabaseSettings, batches: Sequence[UUID]
) -> Mapping[UUID, FrozenBatch]:
    """Return requests for several mails as they were frozen."""

    def read(connection: Connection[Any]) -> Mapping[UUID, FrozenBatch]:
        rows = connection.execute(_FROZEN_BATCHES, {"ids": list(batches)})
        return {
            id_: FrozenBatch(
                FrozenRequest(
                    provider=ProviderName(provider), key=key, body=body, mails=len(members)
                ),
                tuple(members),
            )
            for id_, provider, key, members, body in rows
        }

    return with_connection(settings, read)
