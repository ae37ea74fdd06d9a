"""A stack with a loopback Resend, and mails that wait in its ledger."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import psycopg
from psycopg.types.json import Jsonb

from local.provider import LocalResend
from local.stack import Stack
from pipeline.mail.brand import read_brand
from pipeline.ops.sample import ids
from pipeline.ops.seed import seed_people
from pipeline.settings import DatabaseSettings
from pipeline.settings.mail import read_mail_settings
from pipeline.steps.mail.sender import Sender

# As many as the rows of a person can be: nothing may collapse.
_DATA: Final = {
    "org_name": "Harrow & Pine Development",
    "new_member_name": "Leo Marchetti",
    "new_member_email": "leo@harrow.example",
    "link_url": "/team",
}
_WAITING: Final = """
    WITH event AS (
        INSERT INTO domain_events (event_type)
        SELECT 'invite_accepted' FROM generate_series(1, %(count)s) RETURNING id
    ),
    email AS (
        INSERT INTO pending_emails (
            event_id, user_id, event_type, delivery_type, subject, body_data
        )
        SELECT id, %(user)s, 'invite_accepted', 'immediate', 'Leo Marchetti has joined', %(data)s
        FROM event RETURNING id, event_id, user_id, event_type
    )
    INSERT INTO fanout.deliveries (
        id, cause, channel, recipient, kind, user_id, source, source_id, priority, expires_at,
        ages_while_paused
    )
    SELECT fanout.delivery_id('domain_events:' || event_id, 'email', user_id::text),
        'domain_events:' || event_id, 'email', user_id::text, event_type,
        user_id, 'pending_emails', id::text, id %% 4, now() + CASE id %% %(runs_out)s
            WHEN 0 THEN interval '30 minutes' ELSE interval '24 hours' END,
        id %% %(runs_out)s = 0
    FROM email
"""
_RATE: Final = """
    INSERT INTO fanout.rate_limits (name, per_second, burst, tokens)
    VALUES ('mail:resend', %(rate)s, %(rate)s, %(rate)s)
    ON CONFLICT (name) DO UPDATE SET
        per_second = excluded.per_second, burst = excluded.burst, tokens = excluded.tokens,
        refilled_at = now(), blocked_until = NULL
"""
_CHANNEL: Final = "INSERT INTO fanout.channels VALUES ('email') ON CONFLICT DO NOTHING"
_FORGET: Final = "DELETE FROM fanout.deliveries; DELETE FROM domain_events"
_NEVER: Final = 2_000_000_000


@dataclass(frozen=True, slots=True)
class MailBench:
    """A started stack with the sample people, and a connection of its owner."""

    stack: Stack
    resend: LocalResend
    connection: psycopg.Connection[Any]
    folder: Path

    @property
    def sender(self) -> Sender:
        """As the graph of mail sends."""
        variables = self.stack.environment()
        return Sender(
            database=DatabaseSettings(dsn=variables["SENDER_DATABASE_URL"]),
            mail=read_mail_settings(variables),
            brand=read_brand(variables),
        )

    def allow(self, requests_a_second: float) -> None:
        """Let this many requests be made, and switch mail on."""
        self.connection.execute(_CHANNEL)
        self.connection.execute(_RATE, {"rate": requests_a_second})

    def wait(self, count: int, *, runs_out: int = _NEVER) -> None:
        """Put mails of all four priorities into the ledger; one of ``runs_out`` expires soon."""
        parameters = {
            "count": count,
            "user": ids.person("maya"),
            "data": Jsonb(_DATA),
            "runs_out": runs_out,
        }
        self.connection.execute(_WAITING, parameters)

    def rows(self, query: str, *parameters: object) -> Sequence[Any]:
        """Return the rows of a query, as the owner."""
        return self.connection.execute(query.encode(), parameters).fetchall()

    def forget(self) -> None:
        """Delete all mails and events."""
        self.connection.execute(_FORGET)
        self.resend.server.accepted.clear()
        self.resend.server.asked.clear()


@contextmanager
def mail_bench(folder: Path) -> Iterator[MailBench]:
    """Start everything but the graphs; Postgres syncs its log to disk as in production."""
    resend = LocalResend(folder / "mails")
    stack = Stack(folder / "stack", resend=resend)
    try:
        with stack:
            url = stack.environment()["DATABASE_URL"]
            seed_people(url)
            with psycopg.connect(url, autocommit=True) as connection:
                yield MailBench(stack, resend, connection, folder)
    finally:
        stack.remove()
