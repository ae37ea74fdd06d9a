"""Waits until the replayed events have a final state, and counts these states."""

import logging
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Final
from uuid import UUID

from psycopg import Connection

from pipeline.clients.postgres.retry import with_connection
from pipeline.clients.postgres.sql import load
from pipeline.domain.dead_letter import without_numbers
from pipeline.domain.errors import TransientError
from pipeline.domain.identifiers import EventId
from pipeline.fanout.outcome import Status
from pipeline.ops.replay.publication import Replay
from pipeline.ops.report import Report, no_report
from pipeline.settings import DatabaseSettings

PAGE_SIZE: Final = 5_000
FIRST_PAUSE_SECONDS: Final = 0.1
LONGEST_PAUSE_SECONDS: Final = 2.0

_BECAME: Final = load("pipeline.ops.replay", "became")

_log: Final = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class DeathCause:
    """The common cause of some dead letters."""

    fingerprint: str
    error_class: str
    stage: str
    message: str


@dataclass(slots=True)
class Ends:
    """The final states of the published events.

    Attributes:
        published: how many events were published.
        states: how many events have ended in each state since the replay started, or are paused.
        causes: the causes of dead events, with their counts.
        stopped: whether a signal ended the waiting.
    """

    published: int
    states: Counter[Status] = field(default_factory=Counter)
    causes: Counter[DeathCause] = field(default_factory=Counter)
    stopped: bool = False

    @property
    def unfinished(self) -> int:
        """How many events have neither ended since the replay started nor are paused."""
        return self.published - self.states.total()

    @property
    def good(self) -> bool:
        """Whether all events have ended, and none as a dead letter."""
        left = self.states[Status.DEAD] + self.states[Status.PAUSED]
        return self.unfinished == 0 and left == 0


def follow(
    database: DatabaseSettings,
    replay: Replay,
    stop: threading.Event,
    *,
    idle_timeout: timedelta,
    report: Report = no_report,
    became: bytes | None = None,
) -> Ends:
    """Wait until every published event has ended, or no event ended for ``idle_timeout``.

    If the database cannot be reached, the same timeout applies.

    Args:
        database: the database.
        replay: the replay.
        stop: ends the waiting.
        idle_timeout: how long to wait without an event that ends.
        report: is told of the progress.
        became: the statement that reads the states; None: that of the fan-out.

    Raises:
        ConfigurationError: the ledger cannot be read.
    """
    ends = Ends(replay.published)
    pending = set(replay.ids[: replay.published])
    deadline = time.monotonic() + idle_timeout.total_seconds()
    pause = FIRST_PAUSE_SECONDS
    report(0, replay.published)
    while True:
        if ended := _look(database, replay.id, sorted(pending, key=str), ends, became or _BECAME):
            pending -= ended
            report(ends.states.total(), replay.published)
            deadline = time.monotonic() + idle_timeout.total_seconds()
            pause = FIRST_PAUSE_SECONDS
        left = deadline - time.monotonic()
        if not pending or left <= 0:
            break
        if stop.wait(min(pause, left)):
            ends.stopped = True
            break
        pause = min(2 * pause, LONGEST_PAUSE_SECONDS)
    return ends


def read_ends(
    database: DatabaseSettings,
    replay: UUID,
    ids: Sequence[EventId | UUID],
    *,
    became: bytes = _BECAME,
) -> Ends:
    """Return the states of the published events of a replay now. Waits for nothing.

    Raises:
        ConfigurationError: the ledger cannot be read.
        TransientError: the database does not answer.
    """
    ends = Ends(len(ids))
    _count(database, replay, ids, ends, became)
    return ends


def _look(
    database: DatabaseSettings,
    replay: UUID,
    pending: Sequence[EventId | UUID],
    ends: Ends,
    became: bytes,
) -> set[EventId | UUID]:
    """Count the events that have ended since the last call, and return them."""
    try:
        return _count(database, replay, pending, ends, became)
    except TransientError as failure:
        _log.warning("%s; trying again", failure)
        return set()


def _count(
    database: DatabaseSettings,
    replay: UUID,
    ids: Sequence[EventId | UUID],
    ends: Ends,
    became: bytes,
) -> set[EventId | UUID]:
    ended: set[EventId | UUID] = set()
    for event_id, state, fingerprint, error_class, stage, message in list(
        _read(database, replay, ids, became)
    ):
        ended.add(event_id)
        status = Status(state)
        ends.states[status] += 1
        if status is Status.DEAD and message is not None:
            cause = DeathCause(fingerprint, error_class, stage, without_numbers(message))
            ends.causes[cause] += 1
    return ended


def _read(
    database: DatabaseSettings, replay: UUID, ids: Sequence[EventId | UUID], became: bytes
) -> Iterator[tuple[Any, ...]]:
    for start in range(0, len(ids), PAGE_SIZE):
        parameters = {"replay": replay, "ids": list(ids[start : start + PAGE_SIZE])}

        def read(
            connection: Connection[Any], parameters: dict[str, Any] = parameters
        ) -> list[tuple[Any, ...]]:
            return connection.execute(became, parameters).fetchall()

        yield from with_connection(database, read)
