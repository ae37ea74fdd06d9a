"""Publishes the selected events to the topic that the stream reads, at a limited rate."""

import logging
import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import islice
from typing import Final
from uuid import UUID, uuid4

from pipeline.clients.postgres.check import check_first
from pipeline.clients.pubsub.publish import MAX_REQUEST_MESSAGES, publish
from pipeline.domain.errors import ConfigurationError, FanoutError
from pipeline.domain.identifiers import EventId
from pipeline.domain.message import Message
from pipeline.domain.units import counted
from pipeline.ops.replay import record
from pipeline.ops.replay.messages import Marks, replay_messages
from pipeline.ops.replay.rate import TokenBucket
from pipeline.ops.replay.selection import select
from pipeline.ops.replay.selector import Selector
from pipeline.ops.report import Report, no_report
from pipeline.settings import DatabaseSettings

REQUESTS_A_SECOND: Final = 10

_log: Final = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """The order to publish events.

    Attributes:
        selector: which events.
        topic: ``projects/P/topics/T``: the topic of the stream's subscription. None, for reactions
            only: their graph finds the events by itself.
        rate: the most messages a second.
        note: why, for the record.
        ignore_age: complete events of any age.
    """

    selector: Selector
    topic: str | None
    rate: float
    note: str | None = None
    ignore_age: bool = False


@dataclass(slots=True)
class Replay:
    """A replay and its progress.

    Attributes:
        id: its id in the record and in its messages.
        ids: its events, in the order in which they are published; UUIDs of reactions.
        published: how many of them Pub/Sub has stored.
        stopped: whether it ended before Pub/Sub had stored all of them.
        seconds: how long the publishing took.
    """

    id: UUID
    ids: Sequence[EventId | UUID] = field(repr=False)
    published: int = 0
    stopped: bool = False
    seconds: float = 0.0

    @property
    def planned(self) -> int:
        """How many events the replay has."""
        return len(self.ids)

    @property
    def summary(self) -> dict[str, object]:
        """The replay as one JSON object."""
        return {
            "replay": str(self.id),
            "planned": self.planned,
            "published": self.published,
            "seconds": round(self.seconds, 3),
        }


def apply(
    database: DatabaseSettings,
    order: Order,
    stop: threading.Event,
    *,
    report: Report = no_report,
) -> Replay:
    """Publish every selected event that is not complete, until ``stop`` is set.

    In every case the record says how many messages Pub/Sub has stored. It is harmless to publish
    them again.

    Raises:
        NotFound: a named event or fingerprint does not exist.
        ConfigurationError: this user may not replay, or the topic is wrong.
        TransientError: Postgres or Pub/Sub could not be reached for too long.
    """
    check_first(database)
    replay = Replay(uuid4(), select(database, order.selector).to_publish)
    publish_replay(database, order, replay, stop, report=report)
    return replay


def publish_replay(
    database: DatabaseSettings,
    order: Order,
    replay: Replay,
    stop: threading.Event,
    *,
    report: Report = no_report,
) -> None:
    """Publish the events of a replay that are not published yet, until ``stop`` is set.

    Raises:
        ConfigurationError: this user may not replay, or the topic is wrong.
        TransientError: Postgres or Pub/Sub could not be reached for too long.
    """
    started = time.monotonic()
    messages = replay_messages(replay.ids[replay.published :], Marks(str(replay.id)))
    with _recorded(database, order, replay):
        report(replay.published, replay.planned)
        if order.ignore_age:
            record.exempt(database, replay.id, replay.ids)
        for number in _publish(order, messages, stop):
            replay.published += number
            report(replay.published, replay.planned)
        replay.stopped = stop.is_set() and replay.published < replay.planned
    replay.seconds = time.monotonic() - started


def _publish(order: Order, messages: Iterator[Message], stop: threading.Event) -> Iterator[int]:
    """Publish at the rate; yield the size of each request after Pub/Sub has stored it."""
    if order.topic is None:
        raise ConfigurationError("no topic to publish to: expected projects/P/topics/T")
    size = min(MAX_REQUEST_MESSAGES, max(1, round(order.rate / REQUESTS_A_SECOND)))
    bucket = TokenBucket(order.rate, size)
    for request in _requests(messages, size):
        if stop.wait(bucket.take(len(request))):
            return
        publish(order.topic, request)
        yield len(request)


def _requests(messages: Iterable[Message], size: int) -> Iterator[list[Message]]:
    remaining = iter(messages)
    while request := list(islice(remaining, size)):
        yield request


@contextmanager
def _recorded(database: DatabaseSettings, order: Order, replay: Replay) -> Iterator[None]:
    asked = order.selector.description | ({"ignore-age": True} if order.ignore_age else {})
    record.begin(database, replay.id, selector=asked, note=order.note, planned=replay.planned)
    result = "interrupted"
    try:
        yield
        result = "stopped" if replay.stopped else "published"
    except FanoutError as failure:
        result = f"failed: {failure}"
        _log.error(
            "failed after %s of %s", f"{replay.published:,}", counted(replay.planned, "message")
        )
        raise
    finally:
        record.end(database, replay.id, published=replay.published, result=result)
