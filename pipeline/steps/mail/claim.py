"""Claims the mails that are due: as many as the providers allow, the most urgent first."""

import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache, partial
from typing import Any, Final

from psycopg import Connection

from pipeline.clients.postgres.lease import claim, follow_switches, settle
from pipeline.clients.postgres.lease_keeper import LeaseKeeper
from pipeline.clients.postgres.retry import with_connection
from pipeline.clients.postgres.sql import load
from pipeline.domain.delivery import DeliveryChannel, Slots
from pipeline.domain.lease import Cause, Lease, Settlement, WorkState, end, give_back
from pipeline.settings.mail import ProviderName
from pipeline.steps.deliveries import DELIVERIES
from pipeline.steps.mail.sender import (
    LEASE,
    MOST_CLAIMED,
    USUAL_RATES,
    Sender,
    providers_of,
    switch_of,
    table_of,
)
from pipeline.steps.sending.doors import Doors, look_at_doors
from pipeline.steps.sending.rates import switch_on
from pipeline.steps.sending.trial import release_one

EMAILS: Final = "pending_emails"
# Rows of the application are looked for this often, and less often if that takes long.
ADOPT_SECONDS: Final = 1.0
ADOPT_SHARE: Final = 0.05
MOST_ADOPTED: Final = 1_000
# Paused and resumed mails are looked for this often.
FOLLOW_SECONDS: Final = 1.0
# How long a mail waits whose row another session has locked: longer each time, since it keeps its
# rank, and so would be claimed before all others again and again.
LOCKED_SECONDS: Final = 1.0
MOST_LOCKED_SECONDS: Final = 30.0

_ADOPT: Final = load(__package__, "adopt_emails")
_TAKE_EMAILS: Final = load(__package__, "take_emails")
_MARK_TAKEN: Final = load(__package__, "mark_taken")
_ONLY_EMAIL: Final = {"channel": DeliveryChannel.EMAIL}


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimedMails:
    """Mails that this worker holds leases on.

    Attributes:
        leases: the most urgent first.
        doors: the providers that may be asked.
    """

    leases: Sequence[Lease] = ()
    doors: Doors[ProviderName] = field(default_factory=Doors)


class MailClaims:
    """Claims mails for one process. Thread-safe."""

    def __init__(self, sender: Sender) -> None:
        self._sender = sender
        self._lock = threading.Lock()
        self._slots = Slots()
        self._is_on = False
        self._adopt_at = 0.0
        self._follow_at = 0.0

    def claim(self, most: int = MOST_CLAIMED) -> ClaimedMails:
        """Claim due mails, at most as many as the providers allow. None of them if none is due.

        Raises:
            TransientError: the database did not answer.
            ConfigurationError: the ledger cannot be used.
        """
        sender = self._sender
        with self._lock:
            if not self._is_on:
                rates = {switch_of(name): USUAL_RATES[name] for name in sender.mail.providers}
                switch_on(sender.database, DeliveryChannel.EMAIL, rates)
                self._is_on = True
            self._adopt()
            switches = {name: switch_of(name) for name in sender.mail.providers}
            doors = look_at_doors(sender.database, DeliveryChannel.EMAIL, switches)
            self._follow(doors)
            most = min(most, self._places(doors))
            if most == 0:
                return ClaimedMails(doors=doors)
            reserved = self._slots.reserve(most)
        leases = with_connection(
            sender.database, lambda connection: self._claim(connection, doors, most, reserved)
        )
        return ClaimedMails(leases=leases, doors=doors)

    def look_again(self) -> None:
        """Make the next ``claim`` look for rows to adopt, to pause and to release."""
        with self._lock:
            self._adopt_at = self._follow_at = 0.0

    def _places(self, doors: Doors[ProviderName]) -> int:
        """Return for how many mails there are requests now: a batch has place for several."""
        if not doors.open:
            return 0 if doors.trial is None else 1
        providers = providers_of(self._sender.mail)
        return sum(doors.allowed.get(name, 0) * providers[name].usual_batch for name in doors.open)

    def _claim(
        self, connection: Connection[Any], doors: Doors[ProviderName], most: int, reserved: int
    ) -> list[Lease]:
        table = table_of(self._sender.database)
        with connection.transaction():
            only: dict[str, Any] = {**_ONLY_EMAIL}
            if not doors.open:
                released = release_one(connection, DeliveryChannel.EMAIL, provider=doors.trial)
                if released is not None:
                    # Nothing else: what another provider may have would waste the trial.
                    only["sequence"] = released
            leases = claim(connection, table, LEASE, most=most, reserved=reserved, only=only)
            # A batch of which nobody knows whether it was accepted is repeated as a whole, when the
            # first of it is due: those that two workers gave back may never be due together.
            for batch in {each.values["batch_id"] for each in leases} - {None}:
                leases += claim(
                    connection,
                    table,
                    LEASE,
                    most=MOST_CLAIMED,
                    only={**_ONLY_EMAIL, "batch_id": batch},
                    early=True,
                )
            if table is not DELIVERIES or not leases:
                return leases
            others = _take_emails(connection, leases)
            settle(connection, table, others)
        settled = {each.lease.sequence for each in others}
        return [each for each in leases if each.sequence not in settled]

    def _adopt(self) -> None:
        started = time.monotonic()
        settings = self._sender.database
        if started < self._adopt_at or table_of(settings) is not DELIVERIES:
            return
        with_connection(
            settings, lambda connection: connection.execute(_ADOPT, {"most": MOST_ADOPTED})
        )
        now = time.monotonic()
        self._adopt_at = now + max(ADOPT_SECONDS, (now - started) / ADOPT_SHARE)

    def _follow(self, doors: Doors[ProviderName]) -> None:
        """Pause what no provider may send, or what a person paused; release the rest."""
        now = time.monotonic()
        if now < self._follow_at:
            return
        self._follow_at = now + FOLLOW_SECONDS
        table = table_of(self._sender.database)
        with_connection(
            self._sender.database,
            lambda connection: follow_switches(
                connection, table, only=_ONLY_EMAIL, closed=not doors.open
            ),
        )


def _take_emails(connection: Connection[Any], leases: Sequence[Lease]) -> list[Settlement]:
    """Take the application's rows of new mails. Return how those end that are not ours."""
    new = {
        int(each.values["source_id"]): each
        for each in leases
        if each.values["source"] == EMAILS and each.values["source_taken_at"] is None
    }
    if not new:
        return []
    rows = connection.execute(_TAKE_EMAILS, {"ids": list(new)})
    found: dict[int, bool | None] = dict(rows.fetchall())
    ours = [lease.sequence for id_, lease in new.items() if found.get(id_)]
    connection.execute(_MARK_TAKEN, {"sequences": ours})
    return [
        _not_ours(lease, exists=id_ in found, locked=found.get(id_) is None)
        for id_, lease in new.items()
        if not found.get(id_)
    ]


def _not_ours(lease: Lease, *, exists: bool, locked: bool) -> Settlement:
    if not exists:
        cause = Cause(code="gone", reason="its row of pending_emails was deleted")
        return end(lease, WorkState.CANCELLED, cause)
    if locked:
        cause = Cause(code="locked", reason="another session has locked its row of pending_emails")
        pause = min(LOCKED_SECONDS * 2.0 ** min(lease.number - 1, 10), MOST_LOCKED_SECONDS)
        return give_back(lease, cause, pause=pause)
    cause = Cause(code="taken", reason="another sender has taken its row of pending_emails")
    return end(lease, WorkState.CANCELLED, cause)


@cache
def claims_of(sender: Sender) -> MailClaims:
    """Return the one ``MailClaims`` of the process for this sender."""
    return MailClaims(sender)


@cache
def keeper_of(sender: Sender) -> LeaseKeeper:
    """Return the one keeper of the process for the leases of this sender."""
    return LeaseKeeper(sender.database, partial(table_of, sender.database), LEASE)
