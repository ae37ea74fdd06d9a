"""The requests to endpoints that are being made by this process."""

from dataclasses import dataclass, replace
from functools import cache
from typing import Final

from pipeline.clients.webhooks.client import WebhookMessage
from pipeline.domain.lease import Lease
from pipeline.domain.provider_answer import ProviderReply, Unavailable
from pipeline.steps.sending.outbox import Outbox
from pipeline.steps.webhooks.sender import (
    CONCURRENCY,
    CONCURRENCY_OF_ONE,
    LEASE,
    WebhookSender,
    client_of,
    table_of_webhooks,
)

# An endpoint with a request that takes longer gets no other one until it is answered.
SLOW_SECONDS: Final = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookRequest:
    """A webhook that is sent now.

    Attributes:
        provider: the endpoint that is asked.
        leases: of its one delivery.
        message: what is sent.
        trial: whether it is the trial of an open breaker.
        is_suspect: the endpoint took others while this one failed again and again: another
            failure says nothing of the endpoint.
    """

    provider: str
    leases: tuple[Lease, ...]
    message: WebhookMessage
    trial: bool = False
    is_suspect: bool = False


@cache
def webhook_outbox_of(sender: WebhookSender) -> Outbox[WebhookRequest]:
    """Return the one outbox of the process for this sender."""
    client = client_of(sender.webhooks)

    def send(request: WebhookRequest) -> ProviderReply:
        reply = client.send(request.message)
        return _of_this_one(reply) if request.is_suspect else reply

    return Outbox(
        sender.database,
        table_of_webhooks,
        send,
        lease=LEASE,
        concurrency=CONCURRENCY,
        name="webhook",
    )


def places_of(outbox: Outbox[WebhookRequest], provider: str) -> int:
    """Return how many more requests may be made to an endpoint now."""
    ages = outbox.ages_of(provider)
    return 0 if any(age > SLOW_SECONDS for age in ages) else CONCURRENCY_OF_ONE - len(ages)


def _of_this_one(reply: ProviderReply) -> ProviderReply:
    results = tuple(
        replace(each, of_request=False) if isinstance(each, Unavailable) else each
        for each in reply.results
    )
    return replace(reply, results=results)
