"""The shared rate limits of the providers: how many requests may be made now."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, Final

import orjson
from psycopg import Connection

from pipeline.clients.postgres.retry import with_connection
from pipeline.clients.postgres.sql import load
from pipeline.domain.delivery import DeliveryChannel
from pipeline.settings import DatabaseSettings
from pipeline.settings.mail import ProviderName
from pipeline.steps.mail.sender import switch_of

# Requests a second, and at once. An account may have more: then change its row.
USUAL: Final = {ProviderName.RESEND: (5.0, 5.0), ProviderName.SMTP: (20.0, 20.0)}

_SWITCH_ON: Final = load(__package__, "switch_on")
_RATES: Final = load(__package__, "rates")
_TAKE: Final = load(__package__, "take_requests")
_BLOCK: Final = load(__package__, "block_rate")


def switch_on(settings: DatabaseSettings, providers: Iterable[ProviderName]) -> None:
    """Switch mail on from now, if it is not on yet, and make the missing rate limits."""
    limits = [
        {"name": switch_of(name), "per_second": USUAL[name][0], "burst": USUAL[name][1]}
        for name in providers
    ]
    parameters = {"channel": DeliveryChannel.EMAIL, "limits": orjson.dumps(limits).decode()}
    with_connection(settings, lambda connection: connection.execute(_SWITCH_ON, parameters))


def read_rates(
    connection: Connection[Any], providers: Iterable[ProviderName]
) -> Mapping[ProviderName, int]:
    """Return how many requests each provider allows now."""
    names = {switch_of(name): name for name in providers}
    rows = connection.execute(_RATES, {"names": list(names)})
    return {names[name]: allowed for name, allowed in rows}


def take_requests(settings: DatabaseSettings, provider: ProviderName, wanted: int) -> int:
    """Take requests of what a provider allows now. Return how many; often fewer than wanted."""
    parameters = {"name": switch_of(provider), "wanted": wanted}

    def take(connection: Connection[Any]) -> int:
        row = connection.execute(_TAKE, parameters).fetchone()
        return 0 if row is None else int(row[0])

    return with_connection(settings, take)


def block(settings: DatabaseSettings, provider: str, until: datetime) -> None:
    """Let nobody ask a provider before a time."""
    parameters = {"name": switch_of(provider), "until": until}
    with_connection(settings, lambda connection: connection.execute(_BLOCK, parameters))
