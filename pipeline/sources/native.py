"""Dataflow's own Pub/Sub source: a subscription in, an unbounded PCollection of batches out.

On Dataflow every element behind a key is a bundle of its own, and a bundle costs milliseconds
however little is in it. So elements are batches from here on: messages are keyed by a hash of their
event, which only batches them, and each batch is then given to whichever worker is free.
"""

import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

import apache_beam as beam
from apache_beam.io.gcp.pubsub import PubsubMessage
from apache_beam.pvalue import PBegin
from google.pubsub_v1.types import PubsubMessage as PubsubProto

from pipeline.domain.message import DEDUP_ATTRIBUTE, Message
from pipeline.domain.wake_up import WakeUp
from pipeline.sources.deduplicate import Deduplicate, Keyed

# For how long the first message of a batch waits for others.
HOLD: Final = timedelta(milliseconds=50)
# How many batches fill at once. More would leave each of them with fewer events; a key passes on
# some thousand messages a second, since nothing but batching is done with it.
SHARDS: Final = 4

_Proto: Final = PubsubProto.pb()


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
        return messages | "Batch" >> Batch(self._batching)


class Batch(beam.PTransform[beam.PCollection[Keyed], beam.PCollection[list[WakeUp]]]):
    """Make batches of messages, each held for a moment at most.

    Between its stages there are standard coders only, of what ``write_message`` gives, so that what
    is in flight can be read after an update of the job.
    """

    def __init__(self, batching: Batching) -> None:
        super().__init__()
        self._batching = batching

    def expand(self, messages: beam.PCollection[Keyed]) -> beam.PCollection[list[WakeUp]]:
        """Key, collect, spread over the workers, open."""
        return (
            messages
            | "Key" >> beam.Map(_Key(self._batching.shards))
            | "Collect"
            >> beam.GroupIntoBatches(self._batching.size, self._batching.hold.total_seconds())
            | "Contents" >> beam.Map(_contents)
            | "Spread" >> beam.Reshuffle()
            | "Open" >> beam.Map(open_batch)
        )


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
class _Key:
    shards: int

    def __call__(self, keyed: tuple[str, bytes]) -> tuple[int, bytes]:
        # Not Python's hash, which differs from one process to the next.
        return zlib.crc32(keyed[0].encode()) % self.shards, keyed[1]


def _contents(batch: tuple[int, Iterable[bytes]]) -> Iterable[bytes]:
    return list(batch[1])
