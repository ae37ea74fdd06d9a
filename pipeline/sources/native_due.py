"""Dataflow's own source for what is due in a ledger: a subscription and a clock in, wake-ups out.

A message only says that something came: what is due is in the ledger. So messages that come
together wake once. The clock wakes for what waits for a time. It is flattened here only: on one
machine the pull source is the clock itself.
"""

import zlib
from collections.abc import Iterable
from typing import Final

import apache_beam as beam
from apache_beam.io.gcp.pubsub import PubsubMessage
from apache_beam.pvalue import PBegin
from apache_beam.transforms.periodicsequence import PeriodicImpulse, RebaseMode

from pipeline import coders  # noqa: F401 - registers them
from pipeline.domain.message import Message
from pipeline.domain.wake_up import WakeUp
from pipeline.sources.native import at_once, open_batch, write_message

# How often the clock wakes.
DUE_SECONDS: Final = 1.0
# So many workers can claim at the same time.
SHARDS: Final = 4

# A shard and a message, empty for one of the clock; a shard and those that came together.
Keyed = tuple[int, bytes]
Grouped = tuple[int, Iterable[bytes]]


class ReadDue(beam.PTransform[PBegin, beam.PCollection[list[WakeUp]]]):
    """Read a subscription, and wake every second besides. For DataflowRunner.

    Args:
        subscription: ``projects/P/subscriptions/S``.
    """

    def __init__(self, subscription: str) -> None:
        super().__init__()
        self._subscription = subscription

    def expand(self, pbegin: PBegin) -> beam.PCollection[list[WakeUp]]:
        """Read, add the clock, and group without delay."""
        read = beam.io.ReadFromPubSub(subscription=self._subscription, with_attributes=True)
        captured = (
            pbegin | "Read" >> read | "Receive" >> beam.Map(_receive).with_output_types(Keyed)
        )
        clock = (
            pbegin
            | "Clock" >> PeriodicImpulse(fire_interval=DUE_SECONDS, rebase=RebaseMode.REBASE_START)
            | "Due" >> beam.Map(_due).with_output_types(Keyed)
        )
        return (
            (captured, clock)
            | "Both" >> beam.Flatten()
            | "AtOnce" >> at_once()
            | "Group" >> beam.GroupByKey()
            | "Open" >> beam.Map(_open).with_output_types(list[WakeUp])
        )


def _receive(received: PubsubMessage) -> Keyed:
    message = Message(received.data or b"", dict(received.attributes or {}))
    return zlib.crc32(message.dedup_key.encode()) % SHARDS, write_message(message)


def _due(_: object) -> Keyed:
    return 0, b""


def _open(grouped: Grouped) -> list[WakeUp]:
    return open_batch(each for each in grouped[1] if each)
