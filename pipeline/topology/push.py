"""The whole graph of push on one screen: claim, check, send, settle.

All steps are one fused stage. A message only wakes, and so does the clock: what is to be told is in
the ledger of deliveries, and whatever is lost on the way is claimed again when its lease ends.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from typing import ClassVar, Final

import apache_beam as beam

from pipeline.clients.pubsub.subscription import Subscription
from pipeline.domain.graph import Graph
from pipeline.settings import DatabaseSettings
from pipeline.sinks.push_results import write_push_results
from pipeline.sinks.settle_pushes import SettlePushes
from pipeline.sinks.settle_webhooks import SettleWebhooks
from pipeline.sinks.webhook_results import finish_webhooks
from pipeline.steps.push.channels import channels_on
from pipeline.steps.push.outbox import outbox_of
from pipeline.steps.push.preview import push_preview_of
from pipeline.steps.push.sender import PushSender
from pipeline.steps.push.tried import TriedPushes
from pipeline.steps.webhooks.preview import webhook_preview_of
from pipeline.steps.webhooks.sender import WebhookSender, close_webhooks
from pipeline.topology.ends import Preview, Retries, Source, Store
from pipeline.transforms.preview_due import PreviewDue
from pipeline.transforms.send_push import CheckPushes, ClaimPushes, SendPushes
from pipeline.transforms.send_webhooks import SendWebhooks

# How long a stop waits for answers. What is lost is repeated with the same id.
STOP_SECONDS: Final = 5.0
# How long a batch of webhooks waits for answers on one machine, before the bus has its turn again.
PATIENCE: Final = 0.05


@dataclass(frozen=True, slots=True, kw_only=True)
class PushTopology:
    """The graph from wake-ups to deliveries that were pushed. It is the same for every source.

    Attributes:
        sender: how deliveries are pushed.
        webhooks: how those to endpoints of other systems are sent.
        ends: ``Store`` pushes them; ``Preview`` prints what would be pushed, for a dry run.
    """

    sender: PushSender
    webhooks: WebhookSender
    ends: Store | Preview

    graph: ClassVar = Graph.PUSH
    # What waits for a time has no message: on one machine the source says that it may be due.
    due_every: ClassVar[float | None] = 0.25

    @property
    def database(self) -> DatabaseSettings:
        """The database of the ledger."""
        return self.sender.database

    def build(
        self,
        pipeline: beam.Pipeline,
        source: Source,
        retries: Retries | None = None,  # noqa: ARG002 - what is retried is in the ledger
    ) -> None:
        """Add every step to a pipeline.

        Args:
            pipeline: the pipeline.
            source: produces batches of wake-ups; an empty one says that something may be due.
            retries: not used: what has to be retried is in the ledger.
        """
        woken = pipeline | "ReadDeliveries" >> source
        if self.ends.is_dry_run:
            _ = woken | "Preview" >> PreviewDue(partial(push_preview_of, self.sender))
            webhooks = partial(webhook_preview_of, self.webhooks)
            _ = woken | "PreviewWebhooks" >> PreviewDue(webhooks)
            return
        _ = (
            woken
            | "Claim" >> ClaimPushes(self.sender, self.ends.on_start(self.graph))
            | "Check" >> CheckPushes(self.sender)
            | "Send" >> SendPushes(self.sender)
            | "Settle" >> SettlePushes(self.sender)
        )
        _ = (
            woken
            | "SendWebhooks" >> SendWebhooks(self.webhooks)
            | "SettleWebhooks" >> SettleWebhooks(self.database)
        )

    def on_one_machine(self, subscription: str) -> "PushTopology":  # noqa: ARG002 - of every graph
        """Return the graph as it runs on one machine: no batch waits for a slow answer."""
        return replace(
            self,
            sender=replace(self.sender, waits=False),
            webhooks=replace(self.webhooks, patience=PATIENCE),
        )

    @contextmanager
    def beside(self, subscription: Subscription) -> Iterator[None]:  # noqa: ARG002
        """Wait for the answers that are still to come when the block ends, though not for long."""
        try:
            yield
        finally:
            if not self.ends.is_dry_run:
                for channel in channels_on(self.sender):
                    for tried in outbox_of(self.sender, channel).finish(STOP_SECONDS):
                        tried_pushes = TriedPushes(channel=channel.name, tried=tried)
                        write_push_results(self.sender, tried_pushes)
                    channel.close(self.sender)
                finish_webhooks(self.webhooks, STOP_SECONDS)
                close_webhooks(self.webhooks.webhooks)
