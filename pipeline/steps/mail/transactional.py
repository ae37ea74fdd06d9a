"""Reads what transactional mails are made of: ids of deliveries in, addresses and material out."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any, Final
from uuid import UUID

from psycopg import Connection
from psycopg.rows import tuple_row

from pipeline.clients.postgres.sql import load
from pipeline.mail.material import Transactional

# What deliveries of transactional mails have as their source.
SOURCE: Final = "transactional_mails"

_READ: Final = load(__package__, "transactional_mails")


@dataclass(frozen=True, slots=True, kw_only=True)
class QueuedMail:
    """A mail that an application queued. Nothing of it has been checked but its form.

    Attributes:
        address: to whom it goes, as the application gave it.
        material: its type and payload.
    """

    address: str = field(repr=False)
    material: Transactional


def read_transactional(
    connection: Connection[Any], deliveries: Collection[UUID]
) -> Mapping[UUID, QueuedMail]:
    """Return what these deliveries are made of, in one statement.

    A delivery without an entry has nothing to send: it has ended, or its person was erased.

    Args:
        connection: of a login in ``fanout_sender``.
        deliveries: ids of deliveries whose source is ``SOURCE``.
    """
    with connection.cursor(row_factory=tuple_row) as cursor:
        rows = cursor.execute(_READ, {"ids": list(deliveries)}).fetchall()
    return {
        mail: QueuedMail(address=address, material=Transactional(type=kind, payload=payload))
        for mail, kind, address, payload in rows
    }
