"""Mail with four senders, a provider that fails at random, crashes of Postgres, and over SMTP."""

import os
import random
from collections.abc import Iterator
from pathlib import Path
from signal import SIGKILL

import pytest

from local.loopback import DROPPED_AFTER, DROPPED_BEFORE, Fault
from local.postgres import Postgres
from local.resend import ResendServer
from local.resend.faults import fault
from pipeline.domain.units import counted
from tests.clients.mail.smtp_server import MailServer
from tests.databases import Databases
from tests.deadline import wait_until
from tests.golden.stage import Stage
from tests.programs import Program
from tests.steps.mail.desk import FROM, KEY, MailDesk
from tests.streams import Broker, broker
from tests.torture.figures import Figures
from tests.torture.mail_rig import LEASE_SECONDS, SETTLE_SECONDS, WEAK, MailRig, populated
from tests.torture.scale import SCALE

LOT = 20
SENDERS = 4
# After so many rounds all that waits is sent, so that no mail is a day old when the clock is moved.
DRY_EVERY = 20
# One request in seven goes wrong.
FAULTS = (
    DROPPED_BEFORE,
    DROPPED_AFTER,
    DROPPED_AFTER,
    fault(500, "application_error"),
    fault(503, "service_unavailable", accepts=True),
    fault(429, "rate_limit_exceeded"),
)
FINE = Fault()


def weather(requests: int) -> list[Fault]:
    """What happens to so many requests."""
    kinds = [*FAULTS, *[FINE] * 6 * len(FAULTS)]
    return random.choices(kinds, k=requests)  # noqa: S311 - chance, not secrecy


@pytest.fixture
def wakes() -> Iterator[Broker]:
    """The topic of the deliveries."""
    with broker() as made:
        yield made


@pytest.fixture
def provider() -> Iterator[ResendServer]:
    with ResendServer().serving() as server:
        server.api_keys.add(KEY)
        server.reserved_is_refused = False
        yield server


@pytest.fixture
def desk(stage: Stage, provider: ResendServer) -> Iterator[MailDesk]:
    desk = MailDesk(stage, provider)
    desk.switch_on()
    desk.forget()
    yield desk
    desk.forget()


@pytest.fixture
def durable_desk(cluster: Postgres, provider: ResendServer) -> Iterator[MailDesk]:
    """A desk on a cluster that writes to its disk."""
    with Databases.with_template(cluster).migrated() as database:
        desk = MailDesk(populated(Stage(database)), provider)
        desk.switch_on()
        yield desk
        desk.forget()


def storm(rig: MailRig, rounds: int, module: str = "pipeline") -> None:
    """Feed four senders, kill one each round, take leases away, and let requests fail."""
    with rig.senders(SENDERS, module) as senders:
        for number in range(rounds):
            rig.desk.server.fail_next(*weather(LOT))
            rig.feed(LOT)
            rig.wait_for_accepted(LOT // 4)
            victim = senders[number % SENDERS]
            victim.kill()
            # What the others hold is taken away from them too: they are late, and must not count.
            rig.desk.pass_time(LEASE_SECONDS)
            victim.start()
            if number % DRY_EVERY == DRY_EVERY - 1:
                rig.run_dry()
        rig.run_dry()


def test_four_senders_that_are_killed_and_a_provider_that_fails_send_each_mail_once(
    desk: MailDesk, wakes: Broker, tmp_path: Path, figures: Figures
) -> None:
    rig = MailRig(desk, wakes, tmp_path / "log")
    storm(rig, SCALE.mail_storms)
    audit = rig.audit()
    assert audit.is_clean, audit
    figures.found(
        18,
        "SIGKILL of one of four senders of mail while 1 in 7 requests fails or gets no answer",
        SCALE.mail_storms,
        audit,
        f"{len(desk.server.asked):,} requests",
    )


def test_control_keys_that_are_made_anew_are_caught_sending_twice(
    desk: MailDesk, wakes: Broker, tmp_path: Path, figures: Figures
) -> None:
    rig = MailRig(desk, wakes, tmp_path / "log")
    desk.server.fail_next(*[DROPPED_AFTER] * 5)
    rig.feed(LOT)
    with rig.senders(1, WEAK):
        rig.run_dry()
    audit = rig.audit()
    assert audit.duplicated > 0
    figures.caught(
        8,
        "a sender of mail makes the key from the try",
        f"5 answers that were lost: {audit.duplicated} mails sent twice",
    )


def crash(rig: MailRig, cluster: Postgres) -> None:
    """Crash Postgres while the provider takes mails, so that nobody can note its answers."""
    server = rig.desk.server
    server.hold()
    rig.feed(LOT)
    wait_until(lambda: server.waiting > 0, seconds=SETTLE_SECONDS, what="the provider is asked")
    cluster.crash()
    before = len(server.accepted)
    server.release()
    wait_until(
        lambda: len(server.accepted) > before, seconds=SETTLE_SECONDS, what="mails are accepted"
    )
    cluster.start()
    rig.desk.pass_time(LEASE_SECONDS)


def test_crashes_of_postgres_lose_no_mail_and_send_none_twice(
    durable_desk: MailDesk, cluster: Postgres, wakes: Broker, tmp_path: Path, figures: Figures
) -> None:
    rig = MailRig(durable_desk, wakes, tmp_path / "log")
    with rig.senders(1):
        for _ in range(SCALE.mail_crashes):
            crash(rig, cluster)
            rig.feed(1)
            rig.wait_for_accepted(1)
        rig.run_dry()
    audit = rig.audit()
    assert audit.is_clean, audit
    figures.found(
        19,
        "Immediate stop of Postgres while mails are sent, and recovery",
        SCALE.mail_crashes,
        audit,
    )
    # Control: the same crash finds a sender whose keys are new in every try.
    with rig.senders(1, WEAK):
        crash(rig, cluster)
        rig.run_dry()
    caught = rig.audit()
    assert caught.duplicated > 0
    figures.caught(
        9,
        "a sender of mail makes the key from the try",
        f"one crash of Postgres: {counted(caught.duplicated, 'mail')} sent twice",
    )


def kill_over_smtp(rig: MailRig, server: MailServer, kills: int, *, remembers: bool) -> None:
    """Kill senders between the answer of a mail server and their note of it."""
    environment = os.environ | {
        "DATABASE_URL": rig.desk.stage.database.sender_dsn,
        "EMAIL_FROM": FROM,
        "EMAIL_PROVIDERS": "smtp",
        "SMTP_URL": f"smtp://127.0.0.1:{server.port}",
    }

    def work(step: str) -> int:
        rig.desk.execute("UPDATE fanout.rate_limits SET tokens = 1000, burst = 1000")
        with Program("tests.steps.mail.killed", step, "none", environment=environment) as program:
            return program.wait(60)

    def finish() -> None:
        while not rig.has_ended:
            assert work("none") == 0
            rig.desk.pass_time(LEASE_SECONDS)

    for number in range(kills):
        rig.feed(LOT // 4)
        assert work("send") == -SIGKILL
        if not remembers:
            rig.desk.execute("UPDATE fanout.deliveries SET asked_at = NULL, unanswered = 0")
        rig.desk.pass_time(LEASE_SECONDS)
        # The mails of every other kill meet a second one.
        if number % 2:
            finish()
    finish()


def test_a_kill_over_smtp_sends_at_most_one_more_copy_with_the_same_name(
    desk: MailDesk, wakes: Broker, tmp_path: Path, figures: Figures
) -> None:
    rig = MailRig(desk, wakes, tmp_path / "log")
    with MailServer().serving() as server:
        kill_over_smtp(rig, server, SCALE.mail_kills, remembers=True)
        copies = server.copies()
    audit = rig.audit(copies, allowed=2)
    assert audit.is_clean, audit
    more = copies.total() - len(copies)
    held = desk.rows("SELECT count(*) FROM fanout.deliveries WHERE state = 'held'")[0][0]
    assert more > 0
    figures.found(
        20,
        "SIGKILL of a sender of mail after a mail server's answer",
        SCALE.mail_kills,
        audit,
        f"{more} mails came twice, with one `Message-ID`; {held} of them wait for a person",
    )


def test_control_a_sender_that_forgets_whom_it_asked_is_caught_sending_more_copies(
    desk: MailDesk, wakes: Broker, tmp_path: Path, figures: Figures
) -> None:
    rig = MailRig(desk, wakes, tmp_path / "log")
    with MailServer().serving() as server:
        kill_over_smtp(rig, server, 2, remembers=False)
        audit = rig.audit(server.copies(), allowed=2)
    assert audit.duplicated > 0
    figures.caught(
        10,
        "a sender of mail over SMTP forgets that it has asked",
        f"2 kills: {audit.duplicated} copies too many",
    )
