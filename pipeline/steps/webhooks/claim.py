"""Claims the webhooks that are due, endpoint by endpoint."""

import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Final

from psycopg import Connection

from pipeline.clients.postgres.lease import MOST_FOLLOWED, claim
from pipeline.clients.postgres.lease_keeper import LeaseKeeper
from pipeline.clients.postgres.retry import with_connection
from pipeline.clients.postgres.sql import load
from pipeline.domain.delivery import WEBHOOK_SWITCH, DeliveryChannel
from pipeline.domain.lease import Lease
from pipeline.steps.sending.doors import Doors, look_at_doors
from pipeline.steps.sending.rates import switch_on, take_requests
from pipeline.steps.webhooks.outbox import places_of, webhook_outbox_of
from pipeline.steps.webhooks.sender import (
    CONCURRENCY,
    LEASE,
    USUAL_RATE,
    WebhookSender,
    check_sender,
    provider_of,
    switch_of,
    table_of_webhooks,
)

# What switches hold back is looked for this often.
FOLLOW_SECONDS: Final = 1.0
# What is claimed for an endpoint that gets nothing any more: it only ends.
MOST_ENDED: Final = 200

_ENDPOINTS_DUE: Final = load(__package__, "endpoints_due")
_COOLED_OFF: Final = load(__package__, "cooled_off")
_PAUSE: Final = load(__package__, "pause_webhooks")
_RELEASE: Final = load(__package__, "release_webhooks")
_RELEASE_ONE: Final = load(__package__, "release_one_webhook")


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimedWebhooks:
    """Webhooks that this worker holds leases on.

    Attributes:
        leases: the most urgent of each endpoint first.
        doors: the endpoints that may be asked; that of the trial with its one delivery.
    """

    leases: Sequence[Lease] = ()
    doors: Doors[str] = field(default_factory=Doors)


class WebhookClaims:
    """Claims webhooks for one process. Thread-safe.

    Each endpoint has a queue and places of its own. One with a request that takes long gets no
    other one until that is answered.
    """

    def __init__(self, sender: WebhookSender) -> None:
        self._sender = sender
        self._lock = threading.Lock()
        self._is_on = False
        self._follow_at = 0.0
        self._known: set[str] = set()

    def claim(self) -> ClaimedWebhooks:
        """Claim due webhooks; none if none is due or there is no place.

        Raises:
            TransientError: the database did not answer.
            ConfigurationError: the ledger cannot be used.
        """
        with self._lock:
            self._switch_on()
            self._follow()
            due = with_connection(self._sender.database, _endpoints_due)
            if not due:
                return ClaimedWebhooks()
            self._limit(due)
            return self._claim(due)

    def look_again(self) -> None:
        """Make the next ``claim`` look for what switches hold back or let go on."""
        with self._lock:
            self._follow_at = 0.0

    def _switch_on(self) -> None:
        if not self._is_on:
            check_sender(self._sender)
            switch_on(self._sender.database, DeliveryChannel.WEBHOOK, {})
            self._is_on = True

    def _limit(self, due: Mapping[str, bool]) -> None:
        """Give every endpoint a rate limit, so that its Retry-After holds for all of its queue."""
        new = {each for each, is_enabled in due.items() if is_enabled} - self._known
        if new:
            rates = {switch_of(provider_of(each)): USUAL_RATE for each in new}
            switch_on(self._sender.database, DeliveryChannel.WEBHOOK, rates)
            self._known |= new

    def _claim(self, due: Mapping[str, bool]) -> ClaimedWebhooks:
        database = self._sender.database
        enabled = [each for each, is_enabled in due.items() if is_enabled]
        switches = {each: switch_of(provider_of(each)) for each in enabled}
        doors = look_at_doors(database, DeliveryChannel.WEBHOOK, switches)
        outbox = webhook_outbox_of(self._sender)
        left = CONCURRENCY - outbox.under_way
        leases: list[Lease] = []
        for recipient, is_enabled in due.items():
            if not is_enabled:
                leases += self._take(recipient, MOST_ENDED)
                continue
            is_trial = recipient == doors.trial
            if not is_trial and recipient not in doors.open:
                continue
            provider = provider_of(recipient)
            allowed = min(left, places_of(outbox, provider), doors.allowed.get(recipient, 0))
            wanted = min(allowed, 1) if is_trial else allowed
            granted = take_requests(database, switch_of(provider), wanted) if wanted > 0 else 0
            if granted > 0:
                taken = self._take(recipient, granted, is_trial=is_trial)
                leases += taken
                left -= len(taken)
        return ClaimedWebhooks(leases=leases, doors=doors)

    def _take(self, recipient: str, most: int, *, is_trial: bool = False) -> list[Lease]:
        only = {"channel": DeliveryChannel.WEBHOOK, "recipient": recipient}

        def take(connection: Connection[Any]) -> list[Lease]:
            with connection.transaction():
                if is_trial:
                    connection.execute(_RELEASE_ONE, {"recipient": recipient})
                return claim(connection, table_of_webhooks(), LEASE, most=most, only=only)

        return with_connection(self._sender.database, take)

    def _follow(self) -> None:
        """Pause what a switch holds back, and release the rest."""
        now = time.monotonic()
        if now >= self._follow_at:
            self._follow_at = now + FOLLOW_SECONDS
            with_connection(self._sender.database, _follow)


def _follow(connection: Connection[Any]) -> None:
    parameters = {"prefix": WEBHOOK_SWITCH, "most": MOST_FOLLOWED}
    connection.execute(_PAUSE, parameters)
    connection.execute(_RELEASE, parameters)


def _endpoints_due(connection: Connection[Any]) -> dict[str, bool]:
    due = dict(connection.execute(_ENDPOINTS_DUE).fetchall())
    # Of a breaker that has cooled off, nothing may be due: all is held back.
    for (recipient,) in connection.execute(_COOLED_OFF, {"prefix": WEBHOOK_SWITCH}):
        due[recipient] = True
    return due


@cache
def webhook_claims_of(sender: WebhookSender) -> WebhookClaims:
    """Return the one ``WebhookClaims`` of the process for this sender."""
    return WebhookClaims(sender)


@cache
def webhook_keeper_of(sender: WebhookSender) -> LeaseKeeper:
    """Return the one keeper of the process for the leases of this sender."""
    return LeaseKeeper(sender.database, table_of_webhooks, LEASE)
