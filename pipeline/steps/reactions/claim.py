"""Claims events: makes their ledger rows, and leases those that are due."""

import threading
import time
from collections.abc import Sequence
from typing import Any, Final
from uuid import UUID

import orjson
from psycopg import Connection

from pipeline.clients.postgres.lease import claim, follow_switches
from pipeline.clients.postgres.retry import with_connection
from pipeline.clients.postgres.sql import load
from pipeline.domain.defaults import BATCH_SIZE
from pipeline.domain.lease import Lease
from pipeline.domain.message import ID_ATTRIBUTE
from pipeline.domain.wake_up import WakeUp
from pipeline.steps.reactions.reactor import REACTION_LEASE, Reactor
from pipeline.steps.reactions.table import REACTIONS

# Events whose messages were lost are looked for this often, and less often if that takes long: an
# event without a handler is never closed, so each look passes it. And the most that a look finds.
FIND_SECONDS: Final = 1.0
FIND_SHARE: Final = 0.05
MOST_FOUND: Final = 500

_ADOPT: Final = load(__package__, "adopt_events")


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

    def __init__(self, reactor: Reactor, *, find_seconds: float = FIND_SECONDS) -> None:
        self._reactor = reactor
        self._find_seconds = find_seconds
        self._types = {
            "types": sorted(reactor.handlers),
            "in_order": reactor.in_order,
            "one_at_a_time": orjson.dumps(reactor.one_at_a_time).decode(),
        }
        self._lock = threading.Lock()
        self._find_at = 0.0

    def claim(self, ids: Sequence[UUID] = (), *, most: int = BATCH_SIZE) -> list[Lease]:
        """Make the ledger rows of new events, and lease events that are due, the first ones first.

        Args:
            ids: of events that messages named. Others are found too, from time to time.
            most: the maximum number of events.

        Raises:
            TransientError: the database did not answer.
            ConfigurationError: the ledger cannot be used.
        """
        is_time = self._is_time()
        parameters = {
            "ids": list(ids),
            **self._types,
            "most": MOST_FOUND if is_time else 0,
        }

        def take(connection: Connection[Any]) -> list[Lease]:
            started = time.monotonic()
            connection.execute(_ADOPT, parameters)
            if is_time:
                self._found_within(time.monotonic() - started)
            follow_switches(connection, REACTIONS)
            return claim(connection, REACTIONS, REACTION_LEASE, most=most)

        return with_connection(self._reactor.database, take)

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


def _uuid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None
