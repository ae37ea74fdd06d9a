"""Releases the delivery with which a provider is tried whose breaker has cooled off."""

from typing import Any, Final

from psycopg import Connection

from pipeline.clients.postgres.sql import load
from pipeline.domain.delivery import DeliveryChannel

_RELEASE_ONE: Final = load(__package__, "release_one")


def release_one(connection: Connection[Any], channel: DeliveryChannel) -> None:
    """Release the paused delivery of a channel that comes first, if its type is not paused."""
    connection.execute(_RELEASE_ONE, {"channel": channel})
