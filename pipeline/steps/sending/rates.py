"""The shared rate limits of the providers: how many requests may be made now."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import orjson
from psycopg import Connection

from pipeline.clients.postgres.retry import with_connection
from pipeline.clients.postgres.sql import load
from pipeline.domain.delivery import DeliveryChannel
from pipeline.settings import DatabaseSettings

_SWITCH_ON: Final = load(__package__, "switch_on")
_RATES: Final = load(__package__, "rates")
_TAKE: Final = load(__package__, "take_requests")
_BLOCK: Final = load(__package__, "block_rate")


@dataclass(frozen=True, slots=True)
class UsualRate:
    """What a provider allows until its row says something else: requests a second, and at once."""

    per_second: float
    burst: float


def switch_on(
    settings: DatabaseSettings, channel: DeliveryChannel, rates: Mapping[str, UsualRate]
) -> None:
    """Switch a channel on from now, if it is not on yet, and make the missing rate limits.

    Args:
        settings: the database.
        channel: of the deliveries.
        rates: by the names of their rate limits.
    """
    limits = [
        {"name": name, "per_second": rate.per_second, "burst": rate.burst}
        for name, rate in rates.items()
    ]
    parameters = {"channel": channel, "limits": orjson.dumps(limits).decode()}
    with_connection(settings, lambda connection: connection.execute(_SWITCH_ON, parameters))


def read_rates(connection: Connection[Any], names: Iterable[str]) -> Mapping[str, int]:
    """Return how many requests each rate limit allows now."""
    return dict(connection.execute(_RATES, {"names": list(names)}).fetchall())


def take(connection: Connection[Any], name: str, wanted: int) -> int:
    """Take requests of what a rate limit allows now. Return how many; often fewer than wanted."""
    row = connection.execute(_TAKE, {"name": name, "wanted": wanted}).fetchone()
    return 0 if row is None else int(row[0])


def take_requests(settings: DatabaseSettings, name: str, wanted: int) -> int:
    """Do what ``take`` does, with a connection of the process."""
    return with_connection(settings, lambda connection: take(connection, name, wanted))


def block(settings: DatabaseSettings, name: str, until: datetime) -> None:
    """Let nobody make requests of a rate limit before a time."""
    parameters = {"name": name, "until": until}
    with_connection(settings, lambda connection: connection.execute(_BLOCK, parameters))
