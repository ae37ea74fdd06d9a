"""An hour without the provider, of a clock that is moved, and what happens after it."""

import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from bench.mails import MailBench
from local.resend import KeptMail
from local.resend.faults import fault
from pipeline.domain.delivery import Priority
from pipeline.domain.tried import TriedMails
from pipeline.facts.switches import switches_of
from pipeline.sinks.mail_results import write_mail_results
from pipeline.steps.mail.check import check_mails
from pipeline.steps.mail.claim import MailClaims
from pipeline.steps.mail.outbox import MailOutbox, new_outbox
from pipeline.steps.mail.requests import plan_requests
from pipeline.steps.mail.sender import Sender, close_providers

STEP: Final = timedelta(minutes=5)
HOUR: Final = timedelta(hours=1)
# Requests a second that an account of Resend may make at first.
LIMIT: Final = 5.0
RUNS_OUT: Final = 50
# Three claims.
BEHIND: Final = 300
_DOWN: Final = fault(503, "service_unavailable")
_MOVE_CLOCK: Final = """
    UPDATE fanout.deliveries SET
        next_attempt_at = next_attempt_at - %(step)s, ranked_at = ranked_at - %(step)s,
        deliver_at = deliver_at - %(step)s, asked_at = asked_at - %(step)s,
        expires_at = expires_at - %(step)s, paused_at = paused_at - %(step)s
    WHERE finished_at IS NULL
"""
_UNFINISHED: Final = "SELECT count(*) FROM fanout.deliveries WHERE finished_at IS NULL"


@dataclass(frozen=True, slots=True, kw_only=True)
class Outage:
    """What an hour without the provider did.

    Attributes:
        asked: requests during the hour.
        states: how the mails ended.
        copies: mails that were accepted more than once.
        seconds: until the last mail was accepted after the hour, in real time.
        requests: in that time.
        late: ordinary mails that came more than ``BEHIND`` places after their rank.
        accepted: seconds after the end of the outage, and the priority of each mail.
    """

    mails: int
    asked: int
    states: Counter[str]
    copies: int
    seconds: float
    requests: int
    late: int
    accepted: Sequence[tuple[float, int]]

    @property
    def rate(self) -> float:
        """Requests a second after the outage."""
        return self.requests / self.seconds

    @property
    def critical_first(self) -> float:
        """The share of the critical mails among the first, as many as there are critical ones."""
        critical = sum(priority == Priority.CRITICAL for _, priority in self.accepted)
        first = self.accepted[:critical]
        return sum(priority == Priority.CRITICAL for _, priority in first) / max(1, critical)

    @property
    def is_exact(self) -> bool:
        """Whether each mail either arrived once or expired."""
        arrived = self.states["done"] == len(self.accepted)
        return arrived and self.copies == 0 and set(self.states) <= {"done", "expired"}


def measure_outage(bench: MailBench, mails: int) -> Outage:
    """Let mails wait for an hour in which the provider answers 503; then let it work again."""
    bench.forget()
    bench.allow(LIMIT)
    bench.wait(mails, runs_out=RUNS_OUT)
    server, sender = bench.resend.server, bench.sender
    claims, outbox = MailClaims(sender), new_outbox(sender)
    server.fail_always(_DOWN)
    for _ in range(HOUR // STEP):
        _work(sender, claims, outbox)
        _pass(bench, sender, claims)
    asked = len(server.asked)
    server.fail_always(None)
    # The breaker may have opened just now: its five minutes would pass in real time.
    _pass(bench, sender, claims)
    started, began = time.monotonic(), server.clock()
    while bench.rows(_UNFINISHED) != [(0,)]:
        if not _work(sender, claims, outbox):
            switches_of(sender.database).forget()
            claims.look_again()
            time.sleep(0.05)
    seconds = time.monotonic() - started
    close_providers(sender.mail)
    return Outage(
        mails=mails,
        asked=asked,
        states=Counter(state for (state,) in bench.rows("SELECT state FROM fanout.deliveries")),
        copies=sum(count > 1 for count in server.copies().values()),
        seconds=seconds,
        requests=len(server.asked) - asked,
        late=_late(ranked := _ranked(bench, server.accepted, began)),
        accepted=[(after, priority) for after, priority, _ in ranked],
    )


def _work(sender: Sender, claims: MailClaims, outbox: MailOutbox) -> bool:
    """Do what the steps of the graph do with one claim; return whether it had mails."""
    claimed = claims.claim()
    planned = plan_requests(sender, check_mails(sender, claimed))
    write_mail_results(sender.database, TriedMails(settlements=planned.settlements))
    for tried in outbox.make(planned.asked, sender.patience):
        write_mail_results(sender.database, TriedMails(tried=tried))
    return bool(claimed.leases)


def _pass(bench: MailBench, sender: Sender, claims: MailClaims) -> None:
    """Let the time of one step pass for everything that waits."""
    bench.connection.execute(_MOVE_CLOCK, {"step": STEP})
    bench.connection.execute("UPDATE fanout.switches SET until = until - %s", [STEP])
    bench.connection.execute(
        "UPDATE fanout.rate_limits SET blocked_until = blocked_until - %s", [STEP]
    )
    switches_of(sender.database).forget()
    claims.look_again()


def _ranked(
    bench: MailBench, accepted: Sequence[KeptMail], began: datetime
) -> list[tuple[float, int, int]]:
    """Return when each mail was accepted, its priority, and its place if all came by rank."""
    priorities = dict(bench.rows("SELECT provider_id, priority FROM fanout.deliveries"))
    order = bench.rows(
        "SELECT provider_id FROM fanout.deliveries WHERE state = 'done'"
        " ORDER BY priority <> 0, created_at + priority * interval '5 minutes', sequence"
    )
    places = {id_: place for place, (id_,) in enumerate(order)}
    return [
        ((mail.at - began).total_seconds(), int(priorities[mail.id]), places[mail.id])
        for mail in accepted
    ]


def _late(ranked: Sequence[tuple[float, int, int]]) -> int:
    """Count the ordinary mails that came far behind their place among the ordinary ones."""
    ordinary = [place for _, priority, place in ranked if priority != Priority.CRITICAL]
    first = {place: number for number, place in enumerate(sorted(ordinary))}
    return sum(came - first[place] > BEHIND for came, place in enumerate(ordinary))
