"""The whole stream on one screen: which step follows which, and nothing else.

Between the source and the writes there is no Flatten, no GroupByKey, no Reshuffle and no timer but
that of Deduplicate, which is for Dataflow only: the path is one fused stage, so that on one machine
a message is acknowledged after its rows are written.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import apache_beam as beam
from apache_beam.pvalue import PBegin

from pipeline import coders  # noqa: F401 - registers them
from pipeline.domain.dead_letter import DeadLetter
from pipeline.domain.decide import Policy
from pipeline.domain.events import Event
from pipeline.domain.handler import Handler
from pipeline.domain.identifiers import EventType
from pipeline.domain.message import Message
from pipeline.domain.outcome import Outcome
from pipeline.settings import DatabaseSettings
from pipeline.sinks.preview import PreviewDeadLetters, PreviewOutcomes
from pipeline.sinks.write_dead_letters import WriteDeadLetters
from pipeline.sinks.write_outcomes import WriteOutcomes
from pipeline.transforms.decide import Decide, leave_batch_unrouted
from pipeline.transforms.decode import Decode
from pipeline.transforms.deduplicate import Deduplicate
from pipeline.transforms.route import RouteByType
from pipeline.transforms.tags import DEAD, EVENTS, OUTCOMES, UNROUTED

Source = beam.PTransform[PBegin, beam.PCollection[Message]]
Batch = beam.PTransform[beam.PCollection[Any], beam.PCollection[list[Any]]]
Write = beam.PTransform[beam.PCollection[list[Outcome]], beam.PCollection[list[DeadLetter]]]
Bury = beam.PTransform[beam.PCollection[list[DeadLetter]], beam.PCollection[None]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Topology:
    """The graph from messages to rows, the same for every source.

    Attributes:
        database: where facts come from and outcomes go.
        dead_letter_topic: where dead letters go besides their table.
        handlers: one branch each.
        policy: what holds for every event type.
        batch_size: the most events decided and written at once.
        dedup_horizon: drop repeated messages within so much event time, on Dataflow; None: leave
            them to the ledger.
        dry_run: print what would be written instead of writing it.
    """

    database: DatabaseSettings
    handlers: Mapping[EventType, Handler[Any]]
    policy: Policy
    dead_letter_topic: str | None = None
    batch_size: int = 500
    dedup_horizon: timedelta | None = None
    dry_run: bool = False

    def build(self, pipeline: beam.Pipeline, source: Source) -> None:
        """Add every step to a pipeline; ``source`` gives messages."""
        payloads = {name: handler.payload for name, handler in self.handlers.items()}
        messages = pipeline | "ReadEvents" >> source
        if self.dedup_horizon is not None:
            messages = messages | "Deduplicate" >> Deduplicate(self.dedup_horizon)
        decoded = messages | "Decode" >> Decode(payloads)
        decoded[DEAD] | "BatchUndecoded" >> self._batch() | "BuryUndecoded" >> self._bury()

        routed = decoded[EVENTS] | "RouteByType" >> RouteByType(self.handlers)
        for event_type in self.handlers:
            self._branch(routed[event_type], event_type)

        unwritten = (
            routed[UNROUTED]
            | "BatchUnrouted" >> self._batch()
            | "LeaveUnrouted" >> beam.Map(leave_batch_unrouted)
            | "WriteUnrouted" >> self._write()
        )
        unwritten | "BuryUnwrittenUnrouted" >> self._bury()

    def _branch(self, events: beam.PCollection[Event[Any]], event_type: EventType) -> None:
        """One event type: decide its batches, write them, bury what cannot be either."""
        decided = (
            events
            | f"{event_type}/Batch" >> self._batch()
            | f"{event_type}/Decide"
            >> Decide(self.database, self.handlers[event_type], self.policy)
        )
        decided[DEAD] | f"{event_type}/BuryUndecided" >> self._bury()
        unwritten = decided[OUTCOMES] | f"{event_type}/Write" >> self._write()
        unwritten | f"{event_type}/BuryUnwritten" >> self._bury()

    def _batch(self) -> Batch:
        """Batches of a bundle, never across bundles: a lone event does not wait for company."""
        return beam.BatchElements(self.batch_size, self.batch_size)

    def _write(self) -> Write:
        return PreviewOutcomes() if self.dry_run else WriteOutcomes(self.database)

    def _bury(self) -> Bury:
        if self.dry_run:
            return PreviewDeadLetters()
        return WriteDeadLetters(self.database, self.dead_letter_topic)
