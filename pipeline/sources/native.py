"""Dataflow's own Pub/Sub source: a subscription in, an unbounded PCollection of batches out.

On Dataflow every element behind a key is a bundle of its own, and a bundle costs milliseconds
however little is in it. So elements are batches from here on: messages are keyed by a hash of their
event, which only batches them, and each batch is then given to whichever worker is free. Between
these stages there are standard coders only, so that what is in flight can be read after an update.
"""

import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
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
        sharded = self._deduplicated(messages) | "Shard" >> beam.Map(Shard(self._batching.shards))
        return sharded | "Collect" >> Collect(self._batching) | "Spread" >> Spread()

    def _deduplicated(self, messages: Messages) -> Messages:
        if self._dedup_horizon is None:
            return messages
        return messages | "Deduplicate" >> Deduplicate(self._dedup_horizon)


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


@dataclass(frozen=True, slots=True)
class Shard:
    """Which batch a message joins: the same in every process, which Python's hash is not."""

    shards: int

    def __call__(self, keyed: Keyed) -> Sharded:
        """The shard, and the message."""
        return zlib.crc32(keyed[0].encode()) % self.shards, keyed[1]


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


def _rekeyed(collected: Collected) -> Collected:
    batch = list(collected[1])
    return zlib.crc32(batch[0]), batch


def _open(spread: tuple[int, Iterable[Iterable[bytes]]]) -> Iterable[list[WakeUp]]:
    return map(open_batch, spread[1])
