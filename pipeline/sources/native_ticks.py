"""Dataflow's own Pub/Sub source for ticks: a subscription in, the ticks of one job a batch out.

Ticks are keyed by their job, so that a long run holds up no other job. What waits between the two
stages has only standard coders, so that an updated job can read it.
"""

import zlib
from collections.abc import Iterable, Sequence
from typing import Any

import apache_beam as beam
from apache_beam.io.gcp.pubsub import PubsubMessage
from apache_beam.pvalue import PBegin
from apache_beam.utils.timestamp import Timestamp

from pipeline import coders  # noqa: F401 - registers them
from pipeline.domain.message import Message
from pipeline.domain.wake_up import WakeUp
from pipeline.jobs.message import JOB_ATTRIBUTE, look_message
from pipeline.sources.native import at_once, open_batch, write_message

# A job and a message; a job and those of its messages that came together.
Keyed = tuple[int, bytes]
Grouped = tuple[int, Iterable[bytes]]


_TIMESTAMP: Any = beam.DoFn.TimestampParam


class ReadTicks(beam.PTransform[PBegin, beam.PCollection[list[WakeUp]]]):
    """Read a subscription. For DataflowRunner, which replaces Beam's source with its own.

    Each tick also wakes all other jobs, so that a run that waited is taken within the shortest
    period of a job.

    Args:
        subscription: ``projects/P/subscriptions/S``.
        jobs: the names of all jobs.
    """

    def __init__(self, subscription: str, jobs: Sequence[str]) -> None:
        super().__init__()
        self._subscription = subscription
        self._receive = Receive(tuple(jobs))

    def expand(self, pbegin: PBegin) -> beam.PCollection[list[WakeUp]]:
        """Read, key and group without delay."""
        read = beam.io.ReadFromPubSub(subscription=self._subscription, with_attributes=True)
        keyed = beam.ParDo(self._receive).with_output_types(Keyed)
        return (
            pbegin
            | "Read" >> read
            | "Receive" >> keyed
            | "AtOnce" >> at_once()
            | "Group" >> beam.GroupByKey()
            | "Open" >> beam.Map(_open).with_output_types(list[WakeUp])
        )


class Receive(beam.DoFn):
    """Key a message by its job, and add one for each other job that only looks for due runs."""

    def __init__(self, jobs: Sequence[str]) -> None:
        self._looks = {job: (_key(job), write_message(look_message(job))) for job in jobs}

    def process(
        self,
        received: PubsubMessage,
        timestamp: Timestamp = _TIMESTAMP,
    ) -> Iterable[Keyed]:
        """Return the message, and the others."""
        attributes = dict(received.attributes or {})
        # Without a timestamp attribute, the source gives an element its publish time.
        published = received.publish_time or timestamp.to_utc_datetime(has_tz=True)
        message = Message(received.data or b"", attributes, published)
        named = attributes.get(JOB_ATTRIBUTE, "")
        yield _key(named), write_message(message)
        if named in self._looks:
            yield from (look for job, look in self._looks.items() if job != named)


def _key(job: str) -> int:
    return zlib.crc32(job.encode())


def _open(grouped: Grouped) -> list[WakeUp]:
    return open_batch(grouped[1])
