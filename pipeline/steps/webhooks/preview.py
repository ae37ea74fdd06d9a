"""What a run would send to endpoints now: reads the ledger and claims nothing."""

from collections.abc import Iterator
from functools import cache
from typing import Any

from pipeline.domain.delivery import DeliveryChannel
from pipeline.domain.lease import Lease
from pipeline.steps.sending.due_deliveries import MOST_DUE, about, due_deliveries, ended, sent
from pipeline.steps.webhooks.check import check_webhooks
from pipeline.steps.webhooks.claim import ClaimedWebhooks
from pipeline.steps.webhooks.sender import WebhookSender


class DueWebhookPreview:
    """Tells of each due webhook once per process. Thread-safe."""

    def __init__(self, sender: WebhookSender, *, most: int = MOST_DUE) -> None:
        self._sender = sender
        self._due = due_deliveries(sender.database, most=most)

    def look(self) -> Iterator[dict[str, Any]]:
        """Yield what would become of each webhook that is due now, without its body or URL."""
        due = self._due.new(channels=[DeliveryChannel.WEBHOOK])
        checked = check_webhooks(self._sender, ClaimedWebhooks(leases=due))
        for settlement in checked.settlements:
            yield {**_about(settlement.lease), **ended(settlement)}
        for request in checked.requests:
            yield {**_about(*request.leases), **sent()}


def _about(lease: Lease) -> dict[str, Any]:
    return {**about(lease), "endpoint": lease.values["recipient"]}


@cache
def webhook_preview_of(sender: WebhookSender) -> DueWebhookPreview:
    """Return the one preview of the process for this sender."""
    return DueWebhookPreview(sender)
