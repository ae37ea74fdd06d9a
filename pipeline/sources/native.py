"""Dataflow's own Pub/Sub source: a subscription in, an unbounded PCollection of batches out.

On Dataflow every keyed element is a bundle of its own, and even a small bundle costs
milliseconds. So elements are batches from here on. Messages are keyed by a hash of their event only
to batch them. Any free worker then processes a batch. Between these stages only standard coders are
used, so that an updated job can read the data in flight.
"""

import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, timedelta
from typing import Final

import apache_beam as beam
from apache_beam.io.gcp.pubsub import PubsubMessage
from apache_beam.pvalue import PBegin
from apache_beam.transforms.trigger import AccumulationMode, AfterCount, Repeatedly
from apache_beam.transforms.window import GlobalWindows, TimestampCombiner
from google.pubsub_v1.types import PubsubMessage as PubsubProto

from pipeline import coders  # noqa: F401 - registers them
from pipeline.domain.message import DEDUP_ATTRIBUTE, Message
from pipeline.domain.wake_up import WakeUp
from pipeline.sources.collect import Batching, Collect, Collected, Sharded
from pipeline.sources.deduplicate import Deduplicate, Keyed, Messages

_Proto: Final = PubsubProto.pb()


class ReadFromPubSub(beam.PTransform[PBegin, beam.PCollection[list[WakeUp]]]):
    """Read a subscription. For DataflowRunner, which replaces Beam's source with its own.

    In exactly-once mode the service drops a message that repeats a ``dedup_id`` within ten minutes.
    Messages are acknowledged when the output of the first fused stage is durable.

    Args:
        subscription: ``projects/P/subscriptions/S``.
        timestamp_attribute: the attribute with the time of the event, RFC 3339. None: the time at
            which Pub/Sub accepted the message.
        batching: how messages become batches.
        dedup_horizon: drop repeated messages within this span of event time. None: the service,
            Fetch and the ledger handle them.
        keep_publish_time: messages keep the time at which Pub/Sub accepted them, for traces.
    """

    def __init__(
        self,
        subscription: str,
        timestamp_attribute: str | None,
        batching: Batching,
        dedup_horizon: timedelta | None = None,
        *,
        keep_publish_time: bool = False,
    ) -> None:
        super().__init__()
        self._subscription = subscription
        self._timestamp_attribute = timestamp_attribute
        self._batching = batching
        self._dedup_horizon = dedup_horizon
        self._receive = ReceiveEvent(keep_publish_time=keep_publish_time)

    def expand(self, pbegin: PBegin) -> beam.PCollection[list[WakeUp]]:
        """Read, deduplicate, batch and distribute the messages."""
        read = beam.io.ReadFromPubSub(
            subscription=self._subscription,
            id_label=DEDUP_ATTRIBUTE,
            with_attributes=True,
            timestamp_attribute=self._timestamp_attribute,
        )
        messages = pbegin | "Read" >> read | "Receive" >> beam.Map(self._receive)
        sharded = self._deduplicated(messages) | "Shard" >> beam.Map(Shard(self._batching.shards))
        return sharded | "Collect" >> Collect(self._batching) | "Spread" >> Spread()

    def _deduplicated(self, messages: Messages) -> Messages:
        if self._dedup_horizon is None:
            return messages
        return messages | "Deduplicate" >> Deduplicate(self._dedup_horizon)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceiveEvent:
    """Make a message of what the source received, and key it for deduplication.

    Attributes:
        keep_publish_time: the message keeps the time at which Pub/Sub accepted it.
    """

    keep_publish_time: bool = False

    def __call__(self, received: PubsubMessage) -> Keyed:
        """Return the key and the message."""
        attributes = dict(received.attributes or {})
        published = received.publish_time if self.keep_publish_time else None
        message = Message(received.data or b"", attributes, published)
        return message.dedup_key, write_message(message)


class Spread(beam.PTransform[beam.PCollection[Collected], beam.PCollection[list[WakeUp]]]):
    """Give each batch its own key and so its own bundle. No batch waits for another.

    Reshuffle does the same, but it pickles the data that it adds to each element.
    """

    def expand(self, collected: beam.PCollection[Collected]) -> beam.PCollection[list[WakeUp]]:
        """Key each batch, group without delay, and open the groups."""
        return (
            collected
            | "Key" >> beam.Map(_rekeyed)
            | "AtOnce" >> at_once()
            | "Group" >> beam.GroupByKey()
            | "Open" >> beam.FlatMap(_open)
        )


def at_once() -> beam.WindowInto:
    """Return the step before a grouping that does not wait for more elements of a key."""
    return beam.WindowInto(
        GlobalWindows(),
        trigger=Repeatedly(AfterCount(1)),
        accumulation_mode=AccumulationMode.DISCARDING,
        timestamp_combiner=TimestampCombiner.OUTPUT_AT_EARLIEST,
    )


@dataclass(frozen=True, slots=True)
class Shard:
    """Choose the shard of a message. Unlike Python's hash it is the same in every process."""

    shards: int

    def __call__(self, keyed: Keyed) -> Sharded:
        """Return the shard and the message."""
        return zlib.crc32(keyed[0].encode()) % self.shards, keyed[1]


def write_message(message: Message) -> bytes:
    """Serialize a message as ``google.pubsub.v1.PubsubMessage``."""
    proto = _Proto(data=message.data, attributes=message.attributes)
    if message.published_at is not None:
        proto.publish_time.FromDatetime(message.published_at)
    written: bytes = proto.SerializeToString()
    return written


def read_message(written: bytes) -> Message:
    """Parse the bytes of ``write_message``."""
    read = _Proto.FromString(written)
    published = read.publish_time.ToDatetime(UTC) if read.HasField("publish_time") else None
    return Message(read.data, dict(read.attributes), published)


def open_batch(batch: Iterable[bytes]) -> list[WakeUp]:
    """Return the wake-ups of the messages of a batch."""
    return [WakeUp.of(read_message(written)) for written in batch]


def _rekeyed(collected: Collected) -> Collected:
    batch = list(collected[1])
    return zlib.crc32(batch[0]), batch


def _open(spread: tuple[int, Iterable[Iterable[bytes]]]) -> Iterable[list[WakeUp]]:
    return map(open_batch, spread[1])
