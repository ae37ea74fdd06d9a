"""Dataflow's own Pub/Sub source: a subscription in, an unbounded PCollection of messages out."""

from typing import Any

import apache_beam as beam
from apache_beam.io.gcp.pubsub import PubsubMessage
from apache_beam.pvalue import PBegin

from pipeline.domain.message import DEDUP_ATTRIBUTE, Message


class ReadFromPubSub(beam.PTransform[PBegin, beam.PCollection[Message]]):
    """Read a subscription; for DataflowRunner, which puts its own source in the place of Beam's.

    A message that repeats another's ``dedup_id`` within ten minutes is dropped by the service, in
    exactly-once mode. Messages are acknowledged when the first fused stage is durable.

    Args:
        subscription: ``projects/P/subscriptions/S``.
        timestamp_attribute: the attribute with the event's time, RFC 3339; None: the time at which
            Pub/Sub accepted the message.
    """

    def __init__(self, subscription: str, timestamp_attribute: str | None) -> None:
        super().__init__()
        self._subscription = subscription
        self._timestamp_attribute = timestamp_attribute

    def expand(self, pbegin: PBegin) -> beam.PCollection[Message]:
        """The native read, and our own type."""
        read = beam.io.ReadFromPubSub(
            subscription=self._subscription,
            id_label=DEDUP_ATTRIBUTE,
            with_attributes=True,
            timestamp_attribute=self._timestamp_attribute,
        )
        return pbegin | "Read" >> read | "Receive" >> beam.Map(_receive)


def _receive(message: PubsubMessage) -> Message:
    attributes: Any = message.attributes or {}
    return Message(message.data or b"", dict(attributes))
