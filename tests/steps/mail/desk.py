"""The desk of the mail tests: a database, a loopback provider, and the real graph on both."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Final
from uuid import UUID

import apache_beam as beam
from psycopg.types.json import Jsonb

from local.resend import ResendServer
from pipeline.domain.address import parse_mailbox
from pipeline.domain.tried import TriedMails
from pipeline.facts.channels import channels_of
from pipeline.facts.switches import switches_of
from pipeline.mail.brand import Brand
from pipeline.runtime.runner import local_pipeline
from pipeline.settings import DatabaseSettings
from pipeline.settings.mail import (
    MailSettings,
    ProviderName,
    RecipientRule,
    ResendSettings,
    SmtpSettings,
)
from pipeline.settings.unsubscribe import UnsubscribeSettings
from pipeline.sinks.mail_results import write_mail_results
from pipeline.sinks.provider_breaker import provider_breakers_of
from pipeline.steps.mail.check import check_mails
from pipeline.steps.mail.claim import MailClaims, claims_of
from pipeline.steps.mail.outbox import MailOutbox, outbox_of
from pipeline.steps.mail.requests import plan_requests
from pipeline.steps.mail.sender import Sender, close_providers, table_of
from pipeline.topology.ends import Preview, Store
from pipeline.topology.mail import MailTopology
from tests.golden.stage import Stage
from tests.golden.world import U2

KEY: Final = "re_canary_key"
FROM: Final = "Acme <mail@acme.test>"
BRAND: Final = Brand(name="Acme", base_url="https://acme.test/dashboard")
INVITE: Final[Mapping[str, Any]] = {
    "org_name": "Acme",
    "new_member_name": "Cy",
    "new_member_email": "c@x.test",
    "link_url": "/team",
}


def work(sender: Sender, claims: MailClaims, outbox: MailOutbox, most: int = 100) -> bool:
    """Do what the steps of the graph do with one claim; return whether it had mails."""
    claimed = claims.claim(most)
    planned = plan_requests(sender, check_mails(sender, claimed))
    write_mail_results(sender.database, TriedMails(settlements=planned.settlements))
    for tried in outbox.make(planned.asked, sender.patience):
        write_mail_results(sender.database, TriedMails(tried=tried))
    return bool(claimed.leases)


@dataclass
class MailDesk:
    """Everything that one test needs.

    Attributes:
        stage: the database with the golden world.
        server: the provider.
    """

    stage: Stage
    server: ResendServer
    smtp: SmtpSettings | None = None
    recipients: RecipientRule = field(default_factory=RecipientRule)
    unsubscribe: UnsubscribeSettings = field(default_factory=UnsubscribeSettings)
    timeout: timedelta = timedelta(seconds=10)
    dry_run: bool = False
    patience: float | None = None
    # The steps do the same without Beam, in a fraction of the time.
    through_graph: bool = False
    dsn: str | None = None
    brand: Brand = BRAND

    @property
    def sender(self) -> Sender:
        """As the role that sends mail."""
        providers = (ProviderName.RESEND,) if self.smtp is None else tuple(ProviderName)
        return Sender(
            database=DatabaseSettings(dsn=self.dsn or self.stage.database.sender_dsn),
            mail=MailSettings(
                sender=parse_mailbox(FROM),
                providers=providers,
                resend=ResendSettings(
                    api_key=KEY, base_url=self.server.base_url, timeout=self.timeout
                ),
                smtp=self.smtp,
                recipients=self.recipients,
                unsubscribe=self.unsubscribe,
            ),
            brand=self.brand,
            patience=self.patience,
        )

    def switch_on(self, *, per_second: float = 1_000) -> None:
        """As the first start of the graph does, with a rate that holds up no test."""
        self.execute(
            "INSERT INTO fanout.channels (channel) VALUES ('email') ON CONFLICT DO NOTHING"
        )
        for name in ("mail:resend", "mail:smtp"):
            self.execute(
                "INSERT INTO fanout.rate_limits (name, per_second, burst, tokens)"
                " VALUES (%s, %s, %s, %s) ON CONFLICT (name) DO NOTHING",
                name, per_second, max(per_second, 1), max(per_second, 1),
            )  # fmt: skip

    def email(
        self,
        user: UUID = U2,
        *,
        event_type: str = "invite_accepted",
        data: Mapping[str, Any] = INVITE,
        age: timedelta = timedelta(0),
        **columns: object,
    ) -> int:
        """Put a row into pending_emails, as the application does; return its id."""
        event = self.stage.emit(event_type, {}, age=age)
        values = {
            "user_id": user,
            "event_id": event,
            "event_type": event_type,
            "delivery_type": "immediate",
            "subject": "Cy has joined Acme",
            "body_data": Jsonb(dict(data)),
            **columns,
        }
        names = ", ".join(values)
        marks = ", ".join(["%s"] * len(values))
        [(email,)] = self.rows(
            f"INSERT INTO pending_emails ({names}, created_at)"  # noqa: S608 - our own names
            f" VALUES ({marks}, now() - %s) RETURNING id",
            *values.values(),
            age,
        )
        return int(email)

    def run(self, wake_ups: int = 1) -> None:
        """Do what the graph does when the source says *due*, once or several times."""
        claims_of(self.sender).look_again()
        if self.through_graph or self.dry_run:
            self._run_graph(wake_ups)
            return
        for _ in range(wake_ups):
            while work(self.sender, claims_of(self.sender), outbox_of(self.sender)):
                pass

    def _run_graph(self, wake_ups: int) -> None:
        topology = MailTopology(
            sender=self.sender,
            ends=Preview() if self.dry_run else Store(self.sender.database),
        )
        pipeline = local_pipeline()
        empty: list[list[Any]] = [[] for _ in range(wake_ups)]
        topology.build(pipeline, beam.Create(empty, reshuffle=False))
        pipeline.run().wait_until_finish()

    def forget(self) -> None:
        """Be another process: one that knows nothing of what this one has seen."""
        close_providers(self.sender.mail)
        for cached in (
            channels_of, switches_of, provider_breakers_of, claims_of, outbox_of, table_of,
        ):  # fmt: skip
            cached.cache_clear()

    def pass_time(self, seconds: float) -> None:
        """Let this time pass for everything that waits."""
        passed = timedelta(seconds=seconds)
        self.execute(
            "UPDATE fanout.deliveries SET next_attempt_at = next_attempt_at - %s,"
            " ranked_at = ranked_at - %s, deliver_at = deliver_at - %s, asked_at = asked_at - %s,"
            " expires_at = expires_at - %s WHERE finished_at IS NULL",
            passed, passed, passed, passed, passed,
        )  # fmt: skip
        self.execute("UPDATE fanout.switches SET until = until - %s", passed)
        self.execute("UPDATE fanout.rate_limits SET blocked_until = blocked_until - %s", passed)
        switches_of(self.sender.database).forget()

    def deliveries(self) -> list[tuple[Any, ...]]:
        """State, attempts and failures of every delivery."""
        return self.rows(
            "SELECT state, attempts, failures FROM fanout.deliveries ORDER BY sequence"
        )

    def attempts(self) -> list[tuple[Any, ...]]:
        """Number, result and code of every attempt."""
        return self.rows(
            "SELECT number, result, code FROM fanout.attempts ORDER BY record_id, number"
        )

    def emails(self) -> list[tuple[str, bool]]:
        """Status of every row of pending_emails, and whether it is processed."""
        return self.rows("SELECT status, processed_at IS NOT NULL FROM pending_emails ORDER BY id")

    def rows(self, statement: str, *parameters: object) -> list[Any]:
        """Return the rows of a query, as the owner."""
        return self.stage.rows(statement, *parameters)

    def execute(self, statement: str, *parameters: object) -> None:
        """Run a statement without rows, as the owner."""
        self.stage.execute(statement, *parameters)
