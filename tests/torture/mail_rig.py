"""Mails that wait, processes that run the graph of mail, and an oracle at the provider."""

import random
import secrets
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Final

from pipeline.domain.message import Message
from tests.deadline import wait_until
from tests.golden.stage import Stage
from tests.golden.world import populate
from tests.steps.mail.desk import FROM, KEY, MailDesk
from tests.steps.mail.test_ledger import many
from tests.streams import Broker, Stream
from tests.torture.oracle import Audit

# Longer than a lease.
LEASE_SECONDS: Final = 61
SETTLE_SECONDS: Final = 120.0
# The graph claims more often, if there is anything to claim.
IDLE_SECONDS: Final = 0.5
WEAK: Final = "tests.torture.fresh_keys"
_ENDED: Final = """
    SELECT (SELECT count(*) FROM fanout.deliveries WHERE finished_at IS NULL AND state <> 'held')
        + (SELECT count(*) FROM pending_emails AS email WHERE status IN ('pending', 'processing')
            AND NOT EXISTS (
                SELECT FROM fanout.deliveries WHERE source_id = email.id::text AND state = 'held'))
"""


class MailRig:
    """A desk whose mails are sent by processes.

    Attributes:
        desk: the database and the provider.
        fed: how many mails were put into the database.
    """

    def __init__(self, desk: MailDesk, events: Broker, log: Path) -> None:
        self.desk = desk
        self.fed = 0
        self._events = events
        self._log = log

    def feed(self, count: int) -> None:
        """Let the application write mails, and wake the senders several times over."""
        many(self.desk, count)
        self.fed += count
        wake = Message(b"", {"id": str(self.fed), "dedup_id": str(self.fed)})
        self._events.publish([wake] * random.randint(1, 5))  # noqa: S311 - chance, not secrecy

    def sender(self, module: str = "pipeline", **variables: str) -> Stream:
        """A process that sends, not started yet."""
        environment = {
            "EMAIL_FROM": FROM,
            "RESEND_API_KEY": KEY,
            "RESEND_BASE_URL": self.desk.server.base_url,
            "BRAND_NAME": "Acme",
            "BRAND_URL": "https://acme.test",
        }
        return Stream(
            self._events,
            self.desk.stage.database.sender_dsn,
            self._log.with_suffix(f".{secrets.token_hex(4)}"),
            *("--graph", "mail"),
            module=module,
            **(environment | variables),
        )

    @contextmanager
    def senders(self, number: int, module: str = "pipeline") -> Iterator[list[Stream]]:
        """So many processes that send, until the block ends."""
        with ExitStack() as stack:
            yield [stack.enter_context(self.sender(module)) for _ in range(number)]

    def wait_for_accepted(self, more: int) -> None:
        """Return when the provider has accepted so many more mails."""
        wanted = len(self.desk.server.accepted) + more
        wait_until(
            lambda: len(self.desk.server.accepted) >= wanted,
            seconds=SETTLE_SECONDS,
            what=f"{more} more mails are accepted",
        )

    @property
    def has_ended(self) -> bool:
        """Whether every mail has ended, or waits for a person."""
        return self.desk.rows(_ENDED) == [(0,)]

    def run_dry(self) -> None:
        """Let leases, pauses and cool-offs pass until every mail has ended.

        Time passes only while nothing else happens: in a day every mail would expire.
        """
        seen, since = -1, time.monotonic()

        def look() -> bool:
            nonlocal seen, since
            asked = len(self.desk.server.asked)
            if asked != seen:
                seen, since = asked, time.monotonic()
            elif time.monotonic() - since >= IDLE_SECONDS:
                self.desk.pass_time(5 * LEASE_SECONDS)
                since = time.monotonic()
            return self.has_ended

        wait_until(look, seconds=SETTLE_SECONDS, what="every mail has ended")

    def audit(self, copies: Mapping[str, int] | None = None, allowed: int = 1) -> Audit:
        """Compare what the provider accepted with what was asked for.

        Args:
            copies: how often the provider accepted each mail; None: those of Resend.
            allowed: how many copies of a mail are not too many.

        Returns:
            a mail that is missing and was not refused three times as lost; one copy too many as
            duplicated; one that ended in another state than the provider's as misjudged.
        """
        found = Counter(self.desk.server.copies() if copies is None else copies)
        states = Counter(state for state, _, _ in self.desk.deliveries())
        refused = self.desk.rows(
            "SELECT count(*) FROM fanout.deliveries WHERE state = 'dead' AND failures >= 3"
        )[0][0]
        return Audit(
            events=self.fed,
            effects=self.fed,
            lost_events=self.fed - states.total(),
            lost=max(0, self.fed - len(found) - refused),
            duplicated=sum(max(0, count - allowed) for count in found.values()),
            misjudged=self.fed - sum(states[each] for each in ("done", "held")) - refused,
            dead_letters=0,
        )


def populated(stage: Stage) -> Stage:
    """The stage, with the golden world in its database."""
    with stage.database.connect() as connection:
        populate(connection)
    return stage
