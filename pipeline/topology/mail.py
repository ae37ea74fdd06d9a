"""The whole graph of mail on one screen: claim, check, send, settle.

All steps are one fused stage. A message only wakes, and so does the clock: what is to be sent is in
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
from pipeline.domain.tried import TriedMails
from pipeline.settings import DatabaseSettings
from pipeline.sinks.mail_results import write_mail_results
from pipeline.sinks.settle_mails import SettleMails
from pipeline.steps.mail.outbox import outbox_of
from pipeline.steps.mail.preview import mail_preview_of
from pipeline.steps.mail.sender import Sender, close_providers
from pipeline.topology.ends import Preview, Retries, Source, Store
from pipeline.transforms.preview_due import PreviewDue
from pipeline.transforms.send_mail import CheckMails, ClaimMails, SendMails

# On one machine, how long a batch waits for slow answers.
PATIENCE_SECONDS: Final = 0.5
# How long a stop waits for answers. What is lost is repeated with the same key.
STOP_SECONDS: Final = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class MailTopology:
    """The graph from wake-ups to mails that were sent. It is the same for every source.

    Attributes:
        sender: how mails are sent.
        ends: ``Store`` sends them; ``Preview`` prints what would be sent, for a dry run.
    """

    sender: Sender
    ends: Store | Preview

    graph: ClassVar = Graph.MAIL
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
            _ = woken | "Preview" >> PreviewDue(partial(mail_preview_of, self.sender))
            return
        _ = (
            woken
            | "Claim" >> ClaimMails(self.sender, self.ends.on_start(self.graph))
            | "Check" >> CheckMails(self.sender)
            | "Send" >> SendMails(self.sender)
            | "Settle" >> SettleMails(self.database)
        )

    def on_one_machine(self, subscription: str) -> "MailTopology":  # noqa: ARG002 - of every graph
        """Return the graph as it runs on one machine: no batch waits for a slow answer."""
        return replace(self, sender=replace(self.sender, patience=PATIENCE_SECONDS))

    @contextmanager
    def beside(self, subscription: Subscription) -> Iterator[None]:  # noqa: ARG002
        """Wait for the answers that are still to come when the block ends, though not for long."""
        try:
            yield
        finally:
            if not self.ends.is_dry_run:
                for tried in outbox_of(self.sender).finish(STOP_SECONDS):
                    write_mail_results(self.database, TriedMails(tried=tried))
                close_providers(self.sender.mail)
