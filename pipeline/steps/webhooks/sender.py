"""Who sends webhooks and how: what every step needs."""

from dataclasses import dataclass, field
from datetime import timedelta
from functools import cache
from typing import Final

from pipeline.clients.postgres.leased_table import LeasedTable
from pipeline.clients.webhooks.client import WebhookClient
from pipeline.domain.delivery import PUSH_SWITCH, WEBHOOK_SWITCH
from pipeline.settings import DatabaseSettings
from pipeline.settings.outgoing_webhooks import OutgoingSettings
from pipeline.steps.push.sender import check_push, push_switch
from pipeline.steps.push.table import PUSHES
from pipeline.steps.sending.rates import UsualRate

# Of a delivery, and of what is done before and after its request.
LEASE: Final = timedelta(seconds=60)
# Requests at a time: to all endpoints, and to one.
CONCURRENCY: Final = 64
CONCURRENCY_OF_ONE: Final = 4
# What is sent to an endpoint that has no rate limit of its own yet.
USUAL_RATE: Final = UsualRate(per_second=50, burst=100)
# What the name of the provider of an endpoint begins with.
ENDPOINT: Final = WEBHOOK_SWITCH.removeprefix(PUSH_SWITCH)


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookSender:
    """How webhooks are sent by one process.

    Attributes:
        database: the ledger.
        webhooks: keys, networks and time.
        patience: how many seconds a batch waits for answers. Later ones are read with the next
            batch. None: until all have come.
    """

    database: DatabaseSettings
    webhooks: OutgoingSettings = field(default_factory=OutgoingSettings)
    patience: float | None = None


def provider_of(recipient: str) -> str:
    """Return the name under which an endpoint is asked: one provider for each endpoint."""
    return ENDPOINT + recipient


def switch_of(provider: str) -> str:
    """Return the name of the switch and of the rate limit of an endpoint."""
    return push_switch(provider)


def table_of_webhooks() -> LeasedTable:
    """Return the ledger, as all of push settles it."""
    return PUSHES


@cache
def client_of(settings: OutgoingSettings) -> WebhookClient:
    """Return the one client of the process."""
    return WebhookClient(settings, connections=CONCURRENCY)


def close_webhooks(settings: OutgoingSettings) -> None:
    """Close the connections of the process."""
    client_of(settings).close()
    client_of.cache_clear()


def check_sender(sender: WebhookSender) -> None:
    """Check that the ledger can be used.

    Raises:
        ConfigurationError: it cannot.
    """
    check_push(sender.database)
