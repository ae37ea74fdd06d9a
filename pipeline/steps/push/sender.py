"""Who pushes, and through what: what every step of the push graph needs."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from pipeline.clients.postgres.check import check_family
from pipeline.domain.delivery import PUSH_SWITCH
from pipeline.settings import DatabaseSettings
from pipeline.settings.push import PushSettings

# Longer than a request may take. What a killed worker had waits as long.
LEASE: Final = timedelta(seconds=30)
# The most deliveries of one claim, and of a channel in one process that have no answer yet.
MOST_CLAIMED: Final = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class PushSender:
    """How deliveries are pushed.

    Attributes:
        database: with the ledger of deliveries.
        push: the bus, and the provider for phones.
        waits: whether a batch waits for all answers. False: slow ones are read with a later batch.
    """

    database: DatabaseSettings
    push: PushSettings
    waits: bool = True


def push_switch(provider: str) -> str:
    """Return the name of the switch, and of the rate limit, of a provider such as ``bus``."""
    return f"{PUSH_SWITCH}{provider}"


def check_push(settings: DatabaseSettings) -> None:
    """Return if the database can be reached, and has the tables of push.

    Raises:
        ConfigurationError: it lacks them, or cannot be used at all.
        TransientError: it does not answer.
    """
    check_family(settings, "push", "fanout.webhook_endpoints")
