"""The desk of the webhook tests: the golden world, endpoints on this machine, the real steps."""

from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Final
from uuid import UUID

import apache_beam as beam

from pipeline.facts.channels import channels_of
from pipeline.facts.switches import switches_of
from pipeline.ops.webhooks.change import EVERY_TYPE, NewEndpoint, add_endpoint
from pipeline.runtime.runner import local_pipeline
from pipeline.settings import DatabaseSettings
from pipeline.sinks.provider_breaker import provider_breakers_of
from pipeline.sinks.settle_webhooks import SettleWebhooks
from pipeline.sinks.webhook_results import finish_webhooks, write_webhook_results
from pipeline.steps.webhooks.check import check_webhooks
from pipeline.steps.webhooks.claim import WebhookClaims, webhook_claims_of
from pipeline.steps.webhooks.outbox import webhook_outbox_of
from pipeline.steps.webhooks.sender import WebhookSender, close_webhooks
from pipeline.steps.webhooks.tried import TriedWebhooks
from pipeline.transforms.send_webhooks import SendWebhooks
from tests.clients.webhooks.conftest import settings
from tests.clients.webhooks.receiver import Receiver
from tests.golden.stage import Stage
from tests.golden.test_invite_accepted import accepted

TYPE: Final = "invite_accepted"


def work(sender: WebhookSender, claims: WebhookClaims) -> bool:
    """Do what the steps of the graph do at one wake-up; return whether it had webhooks."""
    claimed = claims.claim()
    checked = check_webhooks(sender, claimed)
    write_webhook_results(sender.database, TriedWebhooks(settlements=checked.settlements))
    for tried in webhook_outbox_of(sender).make(checked.requests, sender.patience):
        write_webhook_results(sender.database, TriedWebhooks(tried=tried))
    return bool(claimed.leases)


@dataclass
class WebhookDesk:
    """Everything that one test needs.

    Attributes:
        stage: the database with the golden world.
        patience: how many seconds a batch waits for answers; None: until they have come.
    """

    stage: Stage
    patience: float | None = None
    timeout: timedelta = timedelta(seconds=10)
    dsn: str | None = None
    names: list[str] = field(default_factory=list)

    @property
    def sender(self) -> WebhookSender:
        """As the role that pushes."""
        return WebhookSender(
            database=DatabaseSettings(dsn=self.dsn or self.stage.database.push_dsn),
            webhooks=settings(timeout=self.timeout),
            patience=self.patience,
        )

    @property
    def operator(self) -> DatabaseSettings:
        """As the person who manages endpoints."""
        return DatabaseSettings(dsn=self.stage.database.operator_dsn)

    def switch_on(self) -> None:
        """As the first start of the graph does."""
        self.execute(
            "INSERT INTO fanout.channels (channel) VALUES ('webhook') ON CONFLICT DO NOTHING"
        )
        channels_of.cache_clear()

    def add(
        self,
        receiver: Receiver,
        *types: str,
        name: str | None = None,
        with_payload: bool = False,
    ) -> NewEndpoint:
        """Add an endpoint that hears of ``TYPE``, or of other types."""
        self.names.append(name or f"endpoint-{len(self.names)}")
        added = add_endpoint(
            self.operator,
            settings(),
            name=self.names[-1],
            url=receiver.url,
            event_types=types or (TYPE,),
            with_payload=with_payload,
        )
        # The events of the golden world are some minutes old.
        self.execute("UPDATE fanout.webhook_subscriptions SET since = since - interval '1 hour'")
        return added

    def tell(self, events: int = 1) -> list[int]:
        """Let events happen, and the fan-out process them; return their ids."""
        ids = [accepted(self.stage) for _ in range(events)]
        self.stage.deliver(*ids)
        return ids

    def queue(self, endpoint: UUID, events: int) -> None:
        """Write deliveries without the fan-out, of events without a handler, many at a time."""
        self.execute(
            "WITH event AS ("
            " INSERT INTO domain_events (event_type) SELECT 'noise' FROM generate_series(1, %s)"
            " RETURNING id"
            ") INSERT INTO fanout.deliveries ("
            " id, cause, channel, recipient, kind, source, source_id, expires_at)"
            " SELECT fanout.delivery_id('domain_events:' || id, 'webhook', %s),"
            " 'domain_events:' || id, 'webhook', %s, 'noise', 'domain_events', id::text,"
            " now() + interval '1 day' FROM event",
            events, str(endpoint), str(endpoint),
        )  # fmt: skip

    def run(self, wake_ups: int = 1) -> None:
        """Do what the graph does when the source says *due*, until nothing is."""
        for _ in range(wake_ups):
            webhook_claims_of(self.sender).look_again()
            while work(self.sender, webhook_claims_of(self.sender)):
                pass

    def run_graph(self) -> None:
        """Let the PTransforms do it."""
        pipeline = local_pipeline()
        empty: list[list[Any]] = [[], []]
        (
            pipeline
            | beam.Create(empty, reshuffle=False)
            | "SendWebhooks" >> SendWebhooks(self.sender)
            | "SettleWebhooks" >> SettleWebhooks(self.sender.database)
        )
        pipeline.run().wait_until_finish()

    def finish(self) -> None:
        """Read the answers to what is under way, as a stop does."""
        finish_webhooks(self.sender, 10)

    def forget(self) -> None:
        """Be another process: one that knows nothing of what this one has seen."""
        close_webhooks(self.sender.webhooks)
        for cached in (
            channels_of, switches_of, provider_breakers_of, webhook_claims_of, webhook_outbox_of
        ):  # fmt: skip
            cached.cache_clear()

    def pass_time(self, seconds: float) -> None:
        """Let this time pass for everything that waits."""
        passed = timedelta(seconds=seconds)
        self.execute(
            "UPDATE fanout.deliveries SET next_attempt_at = next_attempt_at - %s,"
            " ranked_at = ranked_at - %s, deliver_at = deliver_at - %s, paused_at = paused_at - %s,"
            " expires_at = expires_at - CASE state WHEN 'paused' THEN interval '0' ELSE %s END"
            " WHERE finished_at IS NULL",
            passed, passed, passed, passed, passed,
        )  # fmt: skip
        self.execute("UPDATE fanout.switches SET until = until - %s", passed)
        self.execute("UPDATE fanout.rate_limits SET blocked_until = blocked_until - %s", passed)
        switches_of(self.sender.database).forget()

    def states(self, endpoint: UUID | None = None) -> list[tuple[Any, ...]]:
        """State, attempts and failures of every delivery, or of those to an endpoint."""
        return self.rows(
            "SELECT state, attempts, failures FROM fanout.deliveries"
            " WHERE channel = 'webhook' AND recipient = coalesce(%s::text, recipient)"
            " ORDER BY sequence",
            None if endpoint is None else str(endpoint),
        )

    def reasons(self) -> list[tuple[Any, ...]]:
        """How every delivery ended, and why."""
        return self.rows(
            "SELECT state, reason FROM fanout.deliveries WHERE channel = 'webhook'"
            " ORDER BY sequence"
        )

    def rows(self, statement: str, *parameters: object) -> list[Any]:
        """Return the rows of a query, as the owner."""
        return self.stage.rows(statement, *parameters)

    def execute(self, statement: str, *parameters: object) -> None:
        """Run a statement without rows, as the owner."""
        self.stage.execute(statement, *parameters)


__all__ = ["EVERY_TYPE", "TYPE", "WebhookDesk", "work"]
