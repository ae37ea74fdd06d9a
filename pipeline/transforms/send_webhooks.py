"""SendWebhooks: wake-ups in; webhooks that were tried out."""

from collections.abc import Iterable

import apache_beam as beam

from pipeline.coders import CarriedCoder
from pipeline.domain.wake_up import WakeUp
from pipeline.steps.webhooks.check import CheckedWebhooks, check_webhooks
from pipeline.steps.webhooks.claim import ClaimedWebhooks, webhook_claims_of, webhook_keeper_of
from pipeline.steps.webhooks.outbox import webhook_outbox_of
from pipeline.steps.webhooks.sender import WebhookSender
from pipeline.steps.webhooks.tried import TriedWebhooks

for _carried in (ClaimedWebhooks, CheckedWebhooks, TriedWebhooks):
    beam.coders.registry.register_coder(_carried, CarriedCoder)


class SendWebhooks(
    beam.PTransform[beam.PCollection[list[WakeUp]], beam.PCollection[TriedWebhooks]]
):
    """Claim what is due at each wake-up, check it, send it, and output the answers as they come.

    It waits for answers for a moment only, so that what shares its process is not held up.
    """

    def __init__(self, sender: WebhookSender) -> None:
        super().__init__()
        self._sender = sender

    def expand(self, wake_ups: beam.PCollection[list[WakeUp]]) -> beam.PCollection[TriedWebhooks]:
        """Add three steps. They are fused."""
        return (
            wake_ups
            | "ClaimWebhooks" >> beam.ParDo(_ClaimWebhooks(self._sender))
            | "CheckWebhooks" >> beam.ParDo(_CheckWebhooks(self._sender))
            | "MakeRequests" >> beam.ParDo(_SendWebhooks(self._sender))
        )


class _ClaimWebhooks(beam.DoFn):
    def __init__(self, sender: WebhookSender) -> None:
        self._sender = sender

    def process(self, wake_ups: list[WakeUp]) -> Iterable[ClaimedWebhooks]:  # noqa: ARG002
        # Also if it is empty: then answers are read that came meanwhile.
        claimed = webhook_claims_of(self._sender).claim()
        with webhook_keeper_of(self._sender).keeping(claimed.leases):
            yield claimed


class _CheckWebhooks(beam.DoFn):
    def __init__(self, sender: WebhookSender) -> None:
        self._sender = sender

    def process(self, claimed: ClaimedWebhooks) -> Iterable[CheckedWebhooks]:
        yield check_webhooks(self._sender, claimed)


class _SendWebhooks(beam.DoFn):
    def __init__(self, sender: WebhookSender) -> None:
        self._sender = sender

    def process(self, checked: CheckedWebhooks) -> Iterable[TriedWebhooks]:
        if checked.settlements:
            yield TriedWebhooks(settlements=checked.settlements)
        outbox = webhook_outbox_of(self._sender)
        for tried in outbox.make(checked.requests, self._sender.patience):
            yield TriedWebhooks(tried=tried)
