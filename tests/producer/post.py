"""A queue of mails for the tests: the application queues, the sender claims and settles."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final
from uuid import UUID

import psycopg
from psycopg import Connection
from psycopg.rows import dict_row

from pipeline.clients.postgres.lease import claim, settle
from pipeline.domain.lease import Cause, Lease, Settlement, WorkState, end, fail
from pipeline.steps.deliveries import DELIVERIES_ALONE
from tests.databases import Database

LONG: Final = timedelta(minutes=5)
EMAIL: Final = {"channel": "email"}
TOO_MANY: Final = Cause(error_class="RateLimited", code="rate_limit_exceeded", reason="too many")
ADDRESS: Final = "ann@host.example"


@dataclass(frozen=True, slots=True)
class Post:
    """One database, and what is done on it by whom."""

    database: Database

    def rows(self, query: str, *parameters: object) -> list[tuple[Any, ...]]:
        with self.database.asking() as connection:
            return connection.execute(query.encode(), parameters).fetchall()

    def execute(self, statement: str, *parameters: object) -> None:
        with self.database.asking() as connection:
            connection.execute(statement.encode(), parameters)

    def seen(self, view: str) -> list[dict[str, Any]]:
        """Return the rows of a view, or of a function, as who only reads sees them."""
        query = f"SELECT * FROM fanout.{view}"  # noqa: S608 - of the tests alone
        with psycopg.connect(self.database.viewer_dsn, row_factory=dict_row) as connection:
            return connection.execute(query.encode()).fetchall()

    @contextmanager
    def producer(self, *, autocommit: bool = True) -> Iterator[Connection[Any]]:
        with psycopg.connect(self.database.producer_dsn, autocommit=autocommit) as connection:
            yield connection

    def queue(self, **given: object) -> UUID:
        """Queue a mail as the application: names of parameters without p_, and their values."""
        with self.producer() as connection:
            return queue(connection, **given)

    def claim(self, most: int = 10) -> list[Lease]:
        """Claim as the sender."""
        with psycopg.connect(self.database.sender_dsn, autocommit=True) as connection:
            return claim(connection, DELIVERIES_ALONE, LONG, most=most, only=EMAIL)

    def settle(self, *settlements: Settlement) -> int:
        """Settle as the sender; return how many of the leases were still valid."""
        with psycopg.connect(self.database.sender_dsn, autocommit=True) as connection:
            return len(settle(connection, DELIVERIES_ALONE, settlements))

    def send(self) -> None:
        """Take all that is due, and say that the provider has it."""
        self.settle(*(sent(each) for each in self.claim()))

    def fail(self, cause: Cause = TOO_MANY, *, pause: float = 60) -> None:
        """Take all that is due, and say that each try failed."""
        self.settle(*(failed(each, cause, pause=pause) for each in self.claim()))

    def make_due(self) -> None:
        """Let the time pass that the waiting ones wait for."""
        self.execute("UPDATE fanout.deliveries SET next_attempt_at = now() WHERE state = 'waiting'")


def queue(connection: Connection[Any], **given: object) -> UUID:
    values: Mapping[str, object] = {
        "type": "magic_link",
        "recipient_email": ADDRESS,
        "payload": '{"magic_link": "https://app.example/in"}',
        **given,
    }
    named = ", ".join(f"p_{name} => %({name})s" for name in values)
    [(mail,)] = connection.execute(
        f"SELECT fanout.queue_notification({named})".encode(), values
    ).fetchall()
    return UUID(str(mail))


def answer(settlement: Settlement, provider_id: str | None) -> Settlement:
    values = {"provider": "resend", "provider_id": provider_id, "answered": True}
    return Settlement(
        lease=settlement.lease,
        state=settlement.state,
        pause=settlement.pause,
        counts=settlement.counts,
        cause=settlement.cause,
        values=values,
    )


def sent(lease: Lease) -> Settlement:
    return answer(end(lease, WorkState.DONE), "re_1")


def failed(lease: Lease, cause: Cause = TOO_MANY, *, pause: float = 60) -> Settlement:
    return answer(fail(lease, cause, pause=pause), None)


def ids(leases: Sequence[Lease]) -> list[UUID]:
    return [each.values["id"] for each in leases]
