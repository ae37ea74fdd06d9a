"""Kills of the sender at each of its steps: each mail arrives, and once. With controls."""

import os
from collections.abc import Iterator
from signal import SIGKILL

import pytest

from local.resend import ResendServer
from pipeline.domain.units import counted
from tests.golden.stage import Stage
from tests.programs import Program
from tests.steps.mail.desk import FROM, KEY, MailDesk
from tests.steps.mail.killed import FRESH_KEYS, SETTLED_FIRST, STEPS
from tests.steps.mail.test_ledger import many
from tests.torture.figures import Figures
from tests.torture.oracle import Audit
from tests.torture.scale import SCALE

MAILS = 12
CONTROLS = (FRESH_KEYS, SETTLED_FIRST)
WEAKENED = {
    FRESH_KEYS: "a sender of mail makes the key from the try",
    SETTLED_FIRST: "a sender of mail notes that mails were sent before it sends them",
}
# After so many kills all that waits is sent: the next ones meet other mails.
KILLS_IN_A_ROW = 10
_OPEN = """
    SELECT (SELECT count(*) FROM fanout.deliveries WHERE finished_at IS NULL)
        + (SELECT count(*) FROM pending_emails WHERE status IN ('pending', 'processing'))
"""
LEASE_SECONDS = 61


@pytest.fixture
def desk(stage: Stage) -> Iterator[MailDesk]:
    with ResendServer().serving() as server:
        server.api_keys.add(KEY)
        server.reserved_is_refused = False
        desk = MailDesk(stage, server)
        desk.switch_on()
        desk.forget()
        yield desk
        desk.forget()


def work(desk: MailDesk, step: str = "none", weakness: str = "none") -> int:
    """Run a worker; return how it ended."""
    environment = os.environ | {
        "DATABASE_URL": desk.stage.database.sender_dsn,
        "EMAIL_FROM": FROM,
        "RESEND_API_KEY": KEY,
        "RESEND_BASE_URL": desk.server.base_url,
    }
    program = Program("tests.steps.mail.killed", step, weakness, environment=environment)
    with program:
        return program.wait(60)


def torture(
    desk: MailDesk, step: str, kills: int, weakness: str = "none", *, tokens: float = 1_000
) -> tuple[int, int]:
    """Kill workers after a step, then let one finish. Return the lost and the repeated mails."""
    expected = 0
    for number in range(1, kills + 1):
        desk.execute("UPDATE fanout.rate_limits SET tokens = %s, burst = 1000", tokens)
        many(desk, MAILS)
        expected += MAILS
        assert work(desk, step, weakness) == -SIGKILL
        desk.pass_time(LEASE_SECONDS)
        if number % KILLS_IN_A_ROW == 0 or number == kills:
            finish(desk, weakness)
    copies = desk.server.copies()
    return expected - len(copies), sum(count - 1 for count in copies.values())


def finish(desk: MailDesk, weakness: str) -> None:
    """Let workers send all that waits."""
    desk.execute("UPDATE fanout.rate_limits SET tokens = 1000")
    for _ in range(50):
        assert work(desk, weakness=weakness) == 0
        desk.pass_time(LEASE_SECONDS)
        if desk.rows(_OPEN) == [(0,)]:
            return
    pytest.fail("mails wait for ever")


def clean(desk: MailDesk) -> Audit:
    """What is reported once nothing is lost and nothing sent twice."""
    mails = len(desk.emails())
    return Audit(
        events=mails,
        effects=mails,
        lost_events=0,
        lost=0,
        duplicated=0,
        misjudged=0,
        dead_letters=0,
    )


@pytest.mark.parametrize("step", STEPS)
def test_a_kill_after_any_step_loses_no_mail_and_sends_none_twice(
    desk: MailDesk, step: str, figures: Figures
) -> None:
    kills = SCALE.mail_kills
    assert torture(desk, step, kills) == (0, 0)
    assert set(desk.emails()) == {("sent", True)}
    assert {state for state, _, _ in desk.deliveries()} == {"done"}
    assert {failures for _, _, failures in desk.deliveries()} == {0}
    figures.found(17, f"SIGKILL of a sender of mail after: {step}", kills, clean(desk))


@pytest.mark.parametrize("step", ["ask", "send"])
def test_a_kill_loses_and_repeats_nothing_of_a_batch(
    desk: MailDesk, step: str, figures: Figures
) -> None:
    desk.execute("UPDATE fanout.rate_limits SET per_second = 0.001")
    assert torture(desk, step, SCALE.mail_kills, tokens=1) == (0, 0)
    assert set(desk.emails()) == {("sent", True)}
    requests = [each for each in desk.server.asked if each.path == "/emails/batch"]
    # One that nobody knows the answer to is repeated as it was.
    keys = {each.headers["idempotency-key"] for each in requests}
    assert len({(each.headers["idempotency-key"], each.body) for each in requests}) == len(keys) > 0
    fault = f"SIGKILL of a sender of mails in one request after: {step}"
    figures.found(17, fault, SCALE.mail_kills, clean(desk))


@pytest.mark.parametrize(
    ("step", "weakness", "caught"),
    [("send", FRESH_KEYS, "twice"), ("send", SETTLED_FIRST, "lost")],
)
def test_control_a_sender_without_the_ledger_is_caught(
    desk: MailDesk, step: str, weakness: str, caught: str, figures: Figures
) -> None:
    lost, twice = torture(desk, step, 1, weakness)
    count = {"lost": lost, "twice": twice}[caught]
    assert count > 0
    result = {"lost": "lost", "twice": "sent twice"}[caught]
    figures.caught(
        CONTROLS.index(weakness),
        WEAKENED[weakness],
        f"one kill after sending: {counted(count, 'mail')} {result}",
    )
