"""What sending mail takes: ``python -m bench.mail`` writes docs/mail-performance.md.

Two parts, each beside a baseline of the same run. From the commit of an event to the provider, with
Debezium and every process in between, at 20 events a second. And a backlog: the CPU that a mail
costs our process, beside a bare loop that posts the same bodies. About a minute.
"""

import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final
from uuid import UUID, uuid4

import httpx2
import psycopg
from psycopg.types.json import Jsonb

from bench import machine
from bench.installation import ROOT
from local.resend import ResendServer
from local.stack import Stack
from pipeline.clients.postgres.pool import close_pools
from pipeline.domain.tried import TriedMails
from pipeline.mail.brand import read_brand
from pipeline.settings import DatabaseSettings
from pipeline.settings.mail import read_mail_settings
from pipeline.sinks.mail_results import write_mail_results
from pipeline.steps.mail.check import check_mails
from pipeline.steps.mail.claim import claims_of
from pipeline.steps.mail.outbox import outbox_of
from pipeline.steps.mail.requests import plan_requests
from pipeline.steps.mail.sender import Sender, close_providers

REPORT: Final = ROOT / "docs" / "mail-performance.md"
EVENTS: Final = 400
EVENTS_A_SECOND: Final = 20
MAILS: Final = 2_000
BUDGET_P50: Final = 60.0
BUDGET_P99: Final = 200.0
BUDGET_RATIO: Final = 4.0
KEY: Final = "re_bench"

_EVENT: Final = """
    INSERT INTO domain_events (event_type, actor_id, payload) VALUES ('invite_accepted', %s, %s)
    RETURNING id
"""
_PENDING: Final = """
    WITH events AS (
        INSERT INTO domain_events (event_type) SELECT 'invite_accepted'
        FROM generate_series(1, %s) RETURNING id
    )
    INSERT INTO pending_emails (event_id, user_id, event_type, delivery_type, subject, body_data)
    SELECT id, %s, 'invite_accepted', 'immediate', 'Noor has joined Acme',
        '{"org_name": "Acme", "new_member_name": "Noor", "link_url": "/team"}'
    FROM events
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class MailRun:
    """What was measured; milliseconds."""

    p50: float
    p99: float
    worst: float
    cpu: float
    bare: float
    rate: float

    @property
    def ratio(self) -> float:
        """Our CPU of a mail over that of the bare loop."""
        return self.cpu / self.bare

    @property
    def met(self) -> bool:
        """Whether all budgets are met."""
        return self.p50 <= BUDGET_P50 and self.p99 <= BUDGET_P99 and self.ratio <= BUDGET_RATIO


def main() -> int:
    """Measure, write the report; 1 if a budget is not met."""
    noise = machine.spread()
    with (
        tempfile.TemporaryDirectory(prefix="fanout-bench-") as folder,
        Stack(Path(folder) / "stack") as stack,
        ResendServer().serving() as server,
    ):
        server.api_keys.add(KEY)
        server.reserved_is_refused = False
        variables = _variables(server.base_url)
        with psycopg.connect(stack.environment()["DATABASE_URL"], autocommit=True) as connection:
            owner, member = _people(connection)
            latencies = _latencies(stack, connection, server, variables, (owner, member))
            connection.execute(_PENDING, [MAILS, owner])
            cpu, rate, bodies = _backlog(stack, connection, variables)
        bare = _bare(server.base_url, bodies)
    latencies.sort()
    run = MailRun(
        p50=machine.median(latencies),
        p99=latencies[int(0.99 * len(latencies)) - 1],
        worst=latencies[-1],
        cpu=cpu,
        bare=bare,
        rate=rate,
    )
    _write_report(run, machine.Noise(noise, machine.spread()))
    print(REPORT.read_text(), file=sys.stderr)  # noqa: T201 - the result
    return 0 if run.met else 1


def _variables(base_url: str) -> Mapping[str, str]:
    return {
        "EMAIL_FROM": "Acme <mail@acme.example>",
        "RESEND_API_KEY": KEY,
        "RESEND_BASE_URL": base_url,
        "BRAND_NAME": "Acme",
        "BRAND_URL": "https://acme.example",
    }


def _people(connection: psycopg.Connection[Any]) -> tuple[UUID, UUID]:
    """Insert an owner, who gets the mails, and a member of the same organisation."""
    owner, member, organisation = uuid4(), uuid4(), uuid4()
    for person in (owner, member):
        connection.execute("INSERT INTO auth.users (id) VALUES (%s)", [person])
        connection.execute(
            "INSERT INTO profiles (id, email, full_name, app_role)"
            " VALUES (%s, %s, 'Ann Lee', 'borrower')",
            [person, f"{person}@acme.example"],
        )
    connection.execute(
        "INSERT INTO orgs (id, name, entity_type) VALUES (%s, 'Acme', 'borrower')", [organisation]
    )
    connection.execute(
        "INSERT INTO org_members (org_id, user_id, role) VALUES (%s, %s, 'owner')",
        [organisation, owner],
    )
    return owner, member


@contextmanager
def _graph(stack: Stack, graph: str, role: str, subscription: str, more: Any) -> Iterator[None]:  # noqa: ANN401 - variables
    """Run a graph as a process until the block ends."""
    given = stack.environment()
    environment = {
        **os.environ,
        **more,
        "DATABASE_URL": given[role],
        "PUBSUB_EMULATOR_HOST": given["PUBSUB_EMULATOR_HOST"],
        "LOG_LEVEL": "ERROR",
    }
    command = [sys.executable, "-m", "pipeline", "run", f"--graph={graph}"]
    process = subprocess.Popen(  # noqa: S603 - our own program
        [*command, f"--subscription={given[subscription]}"], cwd=ROOT, env=environment
    )
    try:
        yield
    finally:
        process.terminate()
        process.wait(20)


def _latencies(
    stack: Stack,
    connection: psycopg.Connection[Any],
    server: ResendServer,
    variables: Mapping[str, str],
    people: tuple[UUID, UUID],
) -> list[float]:
    """Return the milliseconds from the commit of each event to the provider."""
    owner, member = people
    [(organisation,)] = connection.execute(
        "SELECT org_id FROM org_members WHERE user_id = %s", [owner]
    ).fetchall()
    payload = Jsonb({"org_id": str(organisation), "new_member_id": str(member)})

    def emit() -> int:
        return int(connection.execute(_EVENT, [member, payload]).fetchall()[0][0])

    fanout = _graph(stack, "fanout", "WRITER_DATABASE_URL", "SUBSCRIPTION", {})
    mail = _graph(stack, "mail", "SENDER_DATABASE_URL", "MAIL_SUBSCRIPTION", variables)
    with fanout, mail:
        _wait(lambda: connection.execute("SELECT FROM fanout.rate_limits").rowcount > 0)
        _no_limit(connection)
        # The fan-out has to hear that mail is on.
        time.sleep(6)
        for _ in range(20):
            emit()
        _wait(lambda: len(server.accepted) >= 20)  # noqa: PLR2004
        committed, started = {}, time.monotonic()
        for number in range(1, EVENTS + 1):
            committed[emit()] = datetime.now(UTC)
            time.sleep(max(0.0, started + number / EVENTS_A_SECOND - time.monotonic()))
        _wait(lambda: len(server.accepted) >= EVENTS + 20)
    causes = dict(connection.execute("SELECT id::text, cause FROM fanout.deliveries").fetchall())
    accepted = {int(causes[each.key or ""].rpartition(":")[2]): each.at for each in server.accepted}
    return [
        (accepted[event] - at).total_seconds() * 1_000
        for event, at in committed.items()
        if event in accepted
    ]


def _no_limit(connection: psycopg.Connection[Any]) -> None:
    connection.execute("UPDATE fanout.rate_limits SET per_second = 1e6, burst = 1e6, tokens = 1e6")


def _wait(true: Any) -> None:  # noqa: ANN401 - a function without arguments
    deadline = time.monotonic() + 60
    while not true():
        if time.monotonic() > deadline:
            raise TimeoutError("a part of the installation does not answer")
        time.sleep(0.05)


def _backlog(
    stack: Stack, connection: psycopg.Connection[Any], variables: Mapping[str, str]
) -> tuple[float, float, list[bytes]]:
    """Send the backlog in this process. Return CPU of a mail, mails a second, and their bodies."""
    _no_limit(connection)
    sender = Sender(
        database=DatabaseSettings(dsn=stack.environment()["SENDER_DATABASE_URL"]),
        mail=read_mail_settings(variables),
        brand=read_brand(variables),
    )
    claims, outbox = claims_of(sender), outbox_of(sender)
    done = "SELECT count(*) FROM pending_emails WHERE status = 'sent'"
    [(before,)] = connection.execute(done).fetchall()
    started, cpu = time.monotonic(), _cpu()
    while connection.execute(done).fetchall() != [(before + MAILS,)]:
        claims.look_again()
        while (claimed := claims.claim()).leases:
            planned = plan_requests(sender, check_mails(sender, claimed))
            for tried in outbox.make(planned.asked, None):
                write_mail_results(sender.database, TriedMails(tried=tried))
    used, seconds = _cpu() - cpu, time.monotonic() - started
    rows = connection.execute("SELECT body FROM fanout.delivery_bodies LIMIT 1000").fetchall()
    with suppress(Exception):
        close_providers(sender.mail)
    close_pools()
    return used / MAILS * 1_000, MAILS / seconds, [bytes(body) for (body,) in rows]


def _bare(base_url: str, bodies: list[bytes]) -> float:
    """Return the CPU of a bare loop that posts the same bodies, in milliseconds a mail."""
    headers = {
        "Authorization": f"Bearer {KEY}",
        "Content-Type": "application/json",
        "User-Agent": "bench",
    }
    with httpx2.Client(headers=headers) as client:
        for body in bodies[:20]:
            client.post(f"{base_url}/emails", content=body)
        cpu = _cpu()
        for body in bodies:
            client.post(f"{base_url}/emails", content=body)
        return (_cpu() - cpu) / len(bodies) * 1_000


def _cpu() -> float:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def _write_report(run: MailRun, noise: machine.Noise) -> None:
    def verdict(met: bool) -> str:  # noqa: FBT001
        return "yes" if met else "**no**"

    REPORT.write_text(f"""# Performance of mail

Written by `python -m bench.mail` on {datetime.now(UTC):%Y-%m-%d}: {machine.describe()}. Postgres, Debezium, Pub/Sub, the fan-out,
the sender and the provider share the machine. The provider is a loopback one.

| what | measured | budget | met |
|---|---|---|---|
| commit of an event to the provider, {EVENTS_A_SECOND} events a second, median | {run.p50:.0f} ms | {BUDGET_P50:.0f} ms | {verdict(run.p50 <= BUDGET_P50)} |
| the same, 99 of 100 | {run.p99:.0f} ms, at worst {run.worst:.0f} ms | {BUDGET_P99:.0f} ms | {verdict(run.p99 <= BUDGET_P99)} |
| CPU of a mail from a backlog of {MAILS:,}, over a bare loop that posts the same bodies | {run.cpu:.2f} ms, {run.ratio:.1f} times | {BUDGET_RATIO:.0f} times | {verdict(run.ratio <= BUDGET_RATIO)} |

The backlog went out at {run.rate:,.0f} mails a second. The loopback provider runs in the same process there, so its CPU is in both figures.

Noise: the same loop varied by a factor of {noise.start:.2f} before and {noise.end:.2f} after (1.00 is a quiet
machine).
""")


if __name__ == "__main__":
    sys.exit(main())
