"""Claims the deliveries of push that are due, a channel at a time, the most urgent first."""

import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Final

from psycopg import Connection

from pipeline.clients.postgres.lease import claim, follow_switches
from pipeline.clients.postgres.lease_keeper import LeaseKeeper
from pipeline.clients.postgres.retry import with_connection
from pipeline.clients.postgres.sql import load
from pipeline.domain.delivery import DeliveryChannel, Slots
from pipeline.domain.lease import Lease
from pipeline.settings import DatabaseSettings
from pipeline.steps.push.channel import PushChannel
from pipeline.steps.push.channels import channels_on
from pipeline.steps.push.outbox import outbox_of
from pipeline.steps.push.sender import LEASE, MOST_CLAIMED, PushSender, push_switch
from pipeline.steps.push.table import PUSHES
from pipeline.steps.sending.doors import Doors, look_at_doors
from pipeline.steps.sending.rates import switch_on

# Rows that any service wrote are looked for when something wakes, and this often otherwise; less
# often if that takes long.
ADOPT_SECONDS: Final = 0.25
ADOPT_SHARE: Final = 0.05
MOST_ADOPTED: Final = 1_000
# Paused and resumed deliveries are looked for this often.
FOLLOW_SECONDS: Final = 1.0

_ADOPT: Final = load(__package__, "adopt_activity")
_RELEASE: Final = load(__package__, "release_push")
# The application may have a table of this name without the family activity.
_HAS_ACTIVITY: Final = "SELECT to_regprocedure('fanout.show_in_activity()') IS NOT NULL"
_NOT_SYNCED: Final = "SET LOCAL synchronous_commit = off"


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimedPushes:
    """Deliveries of one channel that this worker holds leases on.

    Attributes:
        channel: of all of them.
        leases: the most urgent first.
        doors: the providers that may be asked.
    """

    channel: DeliveryChannel
    leases: Sequence[Lease] = ()
    doors: Doors[str] = field(default_factory=Doors)


class PushClaims:
    """Claims deliveries for one process. Thread-safe."""

    def __init__(self, sender: PushSender, *, adopt_seconds: float = ADOPT_SECONDS) -> None:
        self._sender = sender
        self._adopt_seconds = adopt_seconds
        self._lock = threading.Lock()
        self._slots = {each.name: Slots() for each in channels_on(sender)}
        self._follow_at = dict.fromkeys(self._slots, 0.0)
        self._is_on = False
        # When to look for rows, and when to do so though nothing woke.
        self._adopt_at = self._adopt_anyway_at = 0.0

    def claim(
        self, channel: PushChannel, most: int = MOST_CLAIMED, *, woken: bool = False
    ) -> ClaimedPushes:
        """Claim due deliveries of a channel, at most as many as there are places for now.

        Args:
            channel: of the deliveries.
            most: the maximum number of deliveries.
            woken: whether a message says that there is something, and not only the clock.

        Raises:
            TransientError: the database did not answer.
            ConfigurationError: the ledger cannot be used.
        """
        sender, name = self._sender, channel.name
        with self._lock:
            self._switch_on()
            self._adopt(woken=woken)
            doors = self._doors(channel)
            is_closed = channel.pauses and not doors.open and bool(channel.rates(sender))
            self._follow(channel, closed=is_closed)
            most = min(most, self._places(channel, doors, closed=is_closed))
            if most <= 0:
                return ClaimedPushes(channel=name, doors=doors)
            reserved = self._slots[name].reserve(most)

        def take(connection: Connection[Any]) -> list[Lease]:
            # One round trip, and nobody waits for the disk: what a crash of the server forgets of a
            # claim, it forgets before anything is settled, and it is claimed anew.
            with connection.pipeline(), connection.transaction():
                connection.execute(_NOT_SYNCED)
                if is_closed:
                    connection.execute(_RELEASE, {"channel": name})
                only = {"channel": name}
                return claim(connection, PUSHES, LEASE, most=most, reserved=reserved, only=only)

        leases = with_connection(sender.database, take)
        return ClaimedPushes(channel=name, leases=leases, doors=doors)

    def look_again(self) -> None:
        """Make the next ``claim`` look for rows to adopt, to pause and to release."""
        with self._lock:
            self._adopt_at = self._adopt_anyway_at = 0.0
            self._follow_at = dict.fromkeys(self._slots, 0.0)

    def _switch_on(self) -> None:
        if self._is_on:
            return
        for channel in channels_on(self._sender):
            rates = channel.rates(self._sender)
            named = {push_switch(provider): rate for provider, rate in rates.items()}
            switch_on(self._sender.database, channel.name, named)
        self._is_on = True

    def _doors(self, channel: PushChannel) -> Doors[str]:
        switches = {each: push_switch(each) for each in channel.rates(self._sender)}
        if not switches:
            return Doors()
        return look_at_doors(self._sender.database, channel.name, switches)

    def _places(self, channel: PushChannel, doors: Doors[str], *, closed: bool) -> int:
        """Return for how many deliveries there is a place now."""
        if closed:
            return 0 if doors.trial is None else 1
        most = MOST_CLAIMED - outbox_of(self._sender, channel).under_way
        if channel.takes and doors.open:
            most = min(most, max(doors.allowed.get(each, 0) for each in doors.open))
        return most

    def _adopt(self, *, woken: bool) -> None:
        """Make the deliveries of rows that any service wrote."""
        started = time.monotonic()
        database = self._sender.database
        is_time = started >= (self._adopt_at if woken else self._adopt_anyway_at)
        if not is_time or not has_activity(database):
            return
        parameters = {"most": MOST_ADOPTED}
        with_connection(database, lambda connection: connection.execute(_ADOPT, parameters))
        now = time.monotonic()
        self._adopt_at = now + (now - started) / ADOPT_SHARE
        self._adopt_anyway_at = max(self._adopt_at, now + self._adopt_seconds)

    def _follow(self, channel: PushChannel, *, closed: bool) -> None:
        """Pause what may not be asked now, or what a person paused; release the rest."""
        now = time.monotonic()
        if now < self._follow_at[channel.name]:
            return
        self._follow_at[channel.name] = now + FOLLOW_SECONDS
        with_connection(
            self._sender.database,
            lambda connection: follow_switches(
                connection, PUSHES, only={"channel": channel.name}, closed=closed
            ),
        )


@cache
def has_activity(settings: DatabaseSettings) -> bool:
    """Whether the database has the table activity.notifications."""
    return with_connection(
        settings, lambda connection: connection.execute(_HAS_ACTIVITY).fetchone() == (True,)
    )


@cache
def claims_of(sender: PushSender) -> PushClaims:
    """Return the one ``PushClaims`` of the process for this sender."""
    return PushClaims(sender)


@cache
def keeper_of(sender: PushSender) -> LeaseKeeper:
    """Return the one keeper of the process for the leases of this sender."""
    return LeaseKeeper(sender.database, lambda: PUSHES, LEASE)
