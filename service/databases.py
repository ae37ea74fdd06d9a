"""The database of a request, with short limits: nobody waits at a socket for half a minute."""

from dataclasses import replace
from datetime import timedelta
from typing import Annotated, Final

from fastapi import Depends, Request

from pipeline.settings import DatabaseSettings
from service.settings import ServiceSettings

# Of each login: more than long questions take (see turns). The requests that find none free wait
# for RETRY_FOR, then hear 503.
CONNECTIONS: Final = 4
# Of all replays that an instance applies.
_REPLAY_CONNECTIONS: Final = 2
STATEMENT_TIMEOUT: Final = timedelta(seconds=10)
# Also how long a request waits for a lock.
RETRY_FOR: Final = timedelta(seconds=1.5)


def for_requests(database: DatabaseSettings) -> DatabaseSettings:
    """Return the same database, with the limits of a request."""
    return replace(
        database,
        pool_size=CONNECTIONS,
        statement_timeout=STATEMENT_TIMEOUT,
        retry_for=RETRY_FOR,
    )


def for_replays(database: DatabaseSettings) -> DatabaseSettings:
    """Return the same database for work in the background, which survives an outage of seconds."""
    return replace(database, pool_size=_REPLAY_CONNECTIONS)


def settings_of(request: Request) -> ServiceSettings:
    """Return the settings of the service."""
    settings: ServiceSettings = request.app.state.settings
    return settings


# As every dependency that waits for nothing, these are coroutines: others take a thread each.
async def _settings(request: Request) -> ServiceSettings:
    return settings_of(request)


async def _viewer(request: Request) -> DatabaseSettings:
    return for_requests(settings_of(request).viewer)


async def _operator(request: Request) -> DatabaseSettings:
    return for_requests(settings_of(request).operator)


# For an endpoint that only reads, and for one that changes something.
Viewer = Annotated[DatabaseSettings, Depends(_viewer)]
Operator = Annotated[DatabaseSettings, Depends(_operator)]
Settings = Annotated[ServiceSettings, Depends(_settings)]
