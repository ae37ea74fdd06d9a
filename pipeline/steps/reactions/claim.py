"""Claims events: makes their ledger rows, and leases those that are due."""

import logging
import threading
import time
from collections.abc import Sequence
from functools import cache
from typing import Any, Final
from uuid import UUID

import orjson
from psycopg import Connection

from pipeline.clients.postgres.lease import claim, follow_switches
from pipeline.clients.postgres.lease_keeper import LeaseKeeper
from pipeline.clients.postgres.retry import with_connection
from pipeline.clients.postgres.sql import load, without
from pipeline.domain.defaults import BATCH_SIZE
from pipeline.domain.lease import Lease
from pipeline.domain.message import ID_ATTRIBUTE
from pipeline.domain.units import counted
from pipeline.domain.wake_up import WakeUp
from pipeline.steps.reactions.reactor import Reactor
from pipeline.steps.reactions.suspect import claim_suspect, is_suspect
from pipeline.steps.reactions.table import REACTIONS
from pipeline.steps.reactions.trial import claim_trials

# Events whose messages were lost are looked for this often, and less often if that takes long: an
# event without a handler is never closed, so each look passes it. And the most that a look finds.
FIND_SECONDS: Final = 1.0
FIND_SHARE: Final = 0.05
MOST_FOUND: Final = 500
# What was paused or resumed gets its state this often. What is paused is not claimed anyway.
FOLLOW_SECONDS: Final = 1.0
# A page of the events from before the pipeline.
BACKLOG_PAGE: Final = 5_000

_ADOPT: Final = load(__package__, "adopt_events")
_ADOPT_NAMED: Final = without(_ADOPT, "lost")
_ADOPT_BACKLOG: Final = load(__package__, "adopt_backlog")
# Nobody waits for the disk: what a crash of the server forgets of a claim, it forgets before
# anything is settled, and it is claimed anew. By an index: a plan that was made while the ledger
# was small is kept while it grows.
_SETTINGS: Final = (
    "SELECT set_config('synchronous_commit', 'off', true),"
    " set_config('enable_seqscan', 'off', true)"
)
# And planned once: with one event, to plan it took longer than to run it.
_PLANNED_ONCE: Final = f"{_SETTINGS}, set_config('plan_cache_mode', 'force_generic_plan', true)"

_log: Final = logging.getLogger(__name__)


def ids_of(wake_ups: Sequence[WakeUp]) -> list[UUID]:
    """Return the ids of events in messages. A message without a valid one only wakes."""
    texts = {
        each.message.attributes.get(ID_ATTRIBUTE, "")
        for each in wake_ups
        if each.message is not None
    }
    return [found for text in sorted(texts) if (found := _uuid(text)) is not None]


class ReactionClaims:
    """Claims events for one process. Thread-safe."""

    def __init__(
        self,
        reactor: Reactor,
        *,
        find_seconds: float = FIND_SECONDS,
        backlog_page: int = BACKLOG_PAGE,
    ) -> None:
        self._reactor = reactor
        self._backlog_page = backlog_page
        self._find_seconds = find_seconds
        self._types = {
            "types": sorted(reactor.handlers),
            "in_order": reactor.in_order,
            "one_at_a_time": orjson.dumps(reactor.one_at_a_time).decode(),
            "closes_unrouted": reactor.closes_unrouted,
        }
        self._lock = threading.Lock()
        self._find_at = self._follow_at = 0.0
        self._knows_backlog = self._has_suspects = False

    def claim(self, ids: Sequence[UUID] = (), *, most: int = BATCH_SIZE) -> list[Lease]:
        """Make the ledger rows of new events, and lease events that are due, the first ones first.

        An event whose last workers ended while they had it comes alone.

        Args:
            ids: of events that messages named. Others are found too, from time to time.
            most: the maximum number of events.

        Raises:
            TransientError: the database did not answer.
            ConfigurationError: the ledger cannot be used.
        """
        database = self._reactor.database
        self._adopt_backlog()
        is_time = self._is_time()
        if ids or is_time:
            self._adopt(ids, MOST_FOUND if is_time else 0)
        trials: list[Lease] = []
        if self._is_time_to_follow():
            with_connection(database, lambda connection: follow_switches(connection, REACTIONS))
            # Also while there is always something else to do.
            if suspect := self._suspect():
                return suspect
            trials = claim_trials(database, self._reactor.lease)
            if any(map(is_suspect, trials)):
                return trials

        def take(connection: Connection[Any]) -> list[Lease]:
            # One round trip.
            with connection.pipeline(), connection.transaction():
                connection.execute(_SETTINGS)
                return claim(connection, REACTIONS, self._reactor.lease, most=most)

        taken = trials + with_connection(database, take)
        return taken or (self._suspect() if self._has_suspects else [])

    def _suspect(self) -> list[Lease]:
        suspect = claim_suspect(self._reactor.database, self._reactor.lease)
        self._has_suspects = bool(suspect)
        return suspect

    def _adopt(self, ids: Sequence[UUID], most: int) -> None:
        parameters = {**self._types, "ids": list(ids), "most": most}

        def adopt(connection: Connection[Any]) -> int:
            with connection.pipeline(), connection.transaction():
                connection.execute(_SETTINGS if most else _PLANNED_ONCE)
                statement = _ADOPT if most else _ADOPT_NAMED
                [[unrouted]] = connection.execute(statement, parameters).fetchall()
            return int(unrouted)

        started = time.monotonic()
        unrouted = with_connection(self._reactor.database, adopt)
        if most:
            self._found_within(time.monotonic() - started)
        self._warn(unrouted)

    def _adopt_backlog(self) -> None:
        """Find the events from before the pipeline, unless that has been done.

        No event is claimed before: it could overtake an earlier one of its aggregate.
        """
        parameters = {**self._types, "most": self._backlog_page}
        found = 0
        while not self._knows_backlog:
            [[is_finished, number]] = with_connection(
                self._reactor.database,
                lambda connection: connection.execute(_ADOPT_BACKLOG, parameters).fetchall(),
            )
            found += number
            if number:
                _log.info("%s events from before the pipeline found so far", f"{found:,}")
            self._knows_backlog = is_finished

    def _warn(self, unrouted: int) -> None:
        if unrouted:
            what = "closed without an effect" if self._reactor.closes_unrouted else "parked"
            _log.warning("%s without a handler for its type: %s", counted(unrouted, "event"), what)

    def _is_time_to_follow(self) -> bool:
        now = time.monotonic()
        with self._lock:
            if now < self._follow_at:
                return False
            self._follow_at = now + FOLLOW_SECONDS
            return True

    def _is_time(self) -> bool:
        """Whether to look for events now. Nobody else in this process does at the same time."""
        now = time.monotonic()
        with self._lock:
            if now < self._find_at:
                return False
            self._find_at = now + self._find_seconds
            return True

    def _found_within(self, seconds: float) -> None:
        with self._lock:
            self._find_at = time.monotonic() + max(self._find_seconds, seconds / FIND_SHARE)


@cache
def claims_of(reactor: Reactor) -> ReactionClaims:
    """Return the one ``ReactionClaims`` of the process for this reactor."""
    return ReactionClaims(reactor)


@cache
def keeper_of(reactor: Reactor) -> LeaseKeeper:
    """Return the one keeper of the process for the leases of this reactor."""
    return LeaseKeeper(reactor.database, lambda: REACTIONS, reactor.lease)


def _uuid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None
