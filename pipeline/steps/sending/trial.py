"""Releases the delivery with which a provider is tried whose breaker has cooled off."""

from typing import Any, Final

from psycopg import Connection

from pipeline.clients.postgres.sql import load
from pipeline.domain.delivery import DeliveryChannel

_RELEASE_ONE: Final = load(__package__, "release_one")


def release_one(
    connection: Connection[Any], channel: DeliveryChannel, *, provider: str | None = None
) -> int | None:
    """Release the paused delivery of a channel that comes first, if its type is not paused.

    If it was in a request for several, the others are released with it.

    Args:
        connection: in a transaction with the claim that follows.
        channel: of the delivery.
        provider: the one that is tried. What another one may have is not released.

    Returns:
        the sequence of the delivery; None if there is none.
    """
    parameters = {"channel": channel, "provider": provider}
    row = connection.execute(_RELEASE_ONE, parameters).fetchone()
    return None if row is None else int(row[0])
