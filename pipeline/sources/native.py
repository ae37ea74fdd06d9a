"""Dataflow's own Pub/Sub source: a subscription in, an unbounded PCollection of batches out.

On Dataflow every element behind a key is a bundle of its own, and a bundle costs milliseconds
however little is in it. So elements are batches from here on: messages are keyed by a hash of their
event, which only batches them, and each batch is then given to whichever worker is free.
"""

import time
import zlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

import apache_beam as beam
from apache_beam.io.gcp.pubsub import PubsubMessage
from apache_beam.pvalue import PBegin
from apache_beam.transforms.trigger import AccumulationMode, AfterCount, Repeatedly
from apache_beam.transforms.window import GlobalWindows, TimestampCombiner
from google.pubsub_v1.types import PubsubMessage as PubsubProto

from pipeline.domain.message import DEDUP_ATTRIBUTE, Message
from pipeline.domain.wake_up import WakeUp
from pipeline.sources.deduplicate import Deduplicate, Keyed

# For how long the first message of a batch waits for others.
HOLD: Final = timedelta(milliseconds=50)
# How many batches fill at once. More would leave each of them with fewer events. A key passes on
# some thousand messages a second: it only batches, at 20 us of CPU for a message.
SHARDS: Final = 2

_Proto: Final = PubsubProto.pb()

# A key, and the messages of a batch. Between the stages of a job there are standard coders only, so
# that what is in flight can be read after an update.
Collected = tuple[int, Iterable[bytes]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Batching:
    """How messages become batches.

    Attributes:
        size: the most messages of a batch.
        hold: for how long an incomplete one waits.
        shards: how many fill at once.
    """

    size: int = 500
    hold: timedelta = HOLD
    shards: int = SHARDS


class ReadFromPubSub(beam.PTransform[PBegin, beam.PCollection[list[WakeUp]]]):
    """Read a subscription; for DataflowRunner, which puts its own source in the place of Beam's.

    A message that repeats another's ``dedup_id`` within ten minutes is dropped by the service, in
    exactly-once mode. Messages are acknowledged when the first fused stage is durable.

    Args:
        subscription: ``projects/P/subscriptions/S``.
        timestamp_attribute: the attribute with the event's time, RFC 3339; None: the time at which
            Pub/Sub accepted the message.
        batching: how messages become batches.
        dedup_horizon: drop repeated messages within so much event time; None: leave them to the
            service, to Fetch and to the ledger.
    """

    def __init__(
        self,
        subscription: str,
        timestamp_attribute: str | None,
        batching: Batching,
        dedup_horizon: timedelta | None = None,
    ) -> None:
        super().__init__()
        self._subscription = subscription
        self._timestamp_attribute = timestamp_attribute
        self._batching = batching
        self._dedup_horizon = dedup_horizon

    def expand(self, pbegin: PBegin) -> beam.PCollection[list[WakeUp]]:
        """The native read, and batches of it."""
        read = beam.io.ReadFromPubSub(
            subscription=self._subscription,
            id_label=DEDUP_ATTRIBUTE,
            with_attributes=True,
            timestamp_attribute=self._timestamp_attribute,
        )
        messages = pbegin | "Read" >> read | "Receive" >> beam.Map(_receive)
        if self._dedup_horizon is not None:
            messages = messages | "Deduplicate" >> Deduplicate(self._dedup_horizon)
        return messages | "Collect" >> Collect(self._batching) | "Spread" >> Spread()


class Collect(beam.PTransform[beam.PCollection[Keyed], beam.PCollection[Collected]]):
    """Make batches of messages, each held for a moment at most.

    Args:
        batching: how.
        clock: by which a batch is held.
    """

    def __init__(self, batching: Batching, clock: Callable[[], float] = time.time) -> None:
        super().__init__()
        self._batching = batching
        self._clock = clock

    def expand(self, messages: beam.PCollection[Keyed]) -> beam.PCollection[Collected]:
        """Shard and collect."""
        batching = self._batching
        return (
            messages
            | "Shard" >> beam.Map(_Shard(batching.shards))
            | "Group"
            >> beam.GroupIntoBatches(batching.size, batching.hold.total_seconds(), self._clock)
        )


class Spread(beam.PTransform[beam.PCollection[Collected], beam.PCollection[list[WakeUp]]]):
    """Give each batch a key, and so a bundle, of its own: no batch waits for another.

    As Reshuffle does, which would pickle what it adds to each element.
    """

    def expand(self, collected: beam.PCollection[Collected]) -> beam.PCollection[list[WakeUp]]:
        """Key, let each element through at once, open."""
        return (
            collected
            | "Key" >> beam.Map(_rekeyed)
            | "AtOnce"
            >> beam.WindowInto(
                GlobalWindows(),
                trigger=Repeatedly(AfterCount(1)),
                accumulation_mode=AccumulationMode.DISCARDING,
                timestamp_combiner=TimestampCombiner.OUTPUT_AT_EARLIEST,
            )
            | "Group" >> beam.GroupByKey()
            | "Open" >> beam.FlatMap(_open)
        )


def shard_of(key: str, shards: int) -> int:
    """Which batch a message joins, in every process: Python's hash differs from one to the next."""
    return zlib.crc32(key.encode()) % shards


def write_message(message: Message) -> bytes:
    """A message as the bytes of ``google.pubsub.v1.PubsubMessage``."""
    written: bytes = _Proto(data=message.data, attributes=message.attributes).SerializeToString()
    return written


def read_message(written: bytes) -> Message:
    """The message again."""
    read = _Proto.FromString(written)
    return Message(read.data, dict(read.attributes))


def open_batch(batch: Iterable[bytes]) -> list[WakeUp]:
    """What the messages of a batch wake."""
    return [WakeUp.of(read_message(written)) for written in batch]


def _receive(received: PubsubMessage) -> tuple[str, bytes]:
    message = Message(received.data or b"", dict(received.attributes or {}))
    return message.dedup_key, write_message(message)


@dataclass(frozen=True, slots=True)
class _Shard:
    shards: int

    def __call__(self, keyed: Keyed) -> tuple[int, bytes]:
        return shard_of(keyed[0], self.shards), keyed[1]


def _rekeyed(collected: Collected) -> Collected:
    batch = list(collected[1])
    return zlib.crc32(batch[0]), batch


def _open(spread: tuple[int, Iterable[Iterable[bytes]]]) -> Iterable[list[WakeUp]]:
    return map(open_batch, spread[1])
