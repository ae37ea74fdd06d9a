"""The whole stream on one screen: which step follows which, and nothing else.

Between the batches of the source and the writes there is no Flatten, no GroupByKey, no Reshuffle,
no state and no timer: the path is one fused stage, so that on one machine a message is acknowledged
after its rows are written.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import apache_beam as beam
from apache_beam.pvalue import PBegin

import pipeline.topology.coders  # noqa: F401 - registers them
from pipeline.domain.dead_letter import DeadLetter
from pipeline.domain.graph import Graph
from pipeline.domain.identifiers import EventType
from pipeline.domain.wake_up import WakeUp
from pipeline.fanout.batches import Decided
from pipeline.fanout.decide import Policy
from pipeline.fanout.handler import Handler
from pipeline.settings import DatabaseSettings
from pipeline.sinks.forms import leave_forms, record_forms
from pipeline.sinks.heartbeat import keep_beating
from pipeline.sinks.preview import PreviewDeadLetters, PreviewOutcomes
from pipeline.sinks.write_dead_letters import WriteDeadLetters
from pipeline.sinks.write_outcomes import PutOff, WriteOutcomes
from pipeline.transforms.decide import Decide, leave_batch_unrouted
from pipeline.transforms.decode import Decode
from pipeline.transforms.fetch import Fetch, Later, wait_here
from pipeline.transforms.route import RouteByType
from pipeline.transforms.tags import DEAD, UNROUTED

Source = beam.PTransform[PBegin, beam.PCollection[list[WakeUp]]]
Write = beam.PTransform[beam.PCollection[Decided], beam.PCollection[list[DeadLetter]]]
Bury = beam.PTransform[beam.PCollection[list[DeadLetter]], beam.PCollection[None]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Topology:
    """The graph from wake-ups to rows, the same for every source.

    Attributes:
        database: where events and facts come from and outcomes go.
        dead_letter_topic: where dead letters go besides their table.
        handlers: one branch each.
        policy: what holds for every event type.
        batch_size: the most events decided and written at once.
        later: what becomes of wake-ups whose rows cannot be seen yet.
        put_off: takes events that need a row which somebody has locked; None to wait for it.
        go_on: takes events that very many people hear of, after each page of them, so that others
            are told in between; None to tell all of them first.
        says_it_lives: let every process that runs steps of it write the graph's sign of life; not
            where whoever runs the graph does so.
        dry_run: print what would be written instead of writing it.
    """

    database: DatabaseSettings
    handlers: Mapping[EventType, Handler[Any]]
    policy: Policy
    dead_letter_topic: str | None = None
    batch_size: int = 500
    later: Later = wait_here
    put_off: PutOff | None = None
    go_on: PutOff | None = None
    says_it_lives: bool = False
    dry_run: bool = False

    def build(self, pipeline: beam.Pipeline, source: Source) -> None:
        """Add every step to a pipeline; ``source`` gives batches of wake-ups."""
        payloads = {name: handler.payload for name, handler in self.handlers.items()}
        note = leave_forms if self.dry_run else record_forms
        begin = (
            partial(keep_beating, self.database, Graph.FANOUT)
            if self.says_it_lives and not self.dry_run
            else None
        )
        routed = (
            pipeline
            | "ReadEvents" >> source
            | "Fetch" >> Fetch(self.database, payloads, self.later, note, begin)
            | "Decode" >> Decode(payloads)
            | "RouteByType" >> RouteByType(self.handlers, self.batch_size)
        )
        routed[DEAD] | "BuryUndecoded" >> self._bury()
        for event_type, handler in self.handlers.items():
            decide = Decide(
                self.database, handler, self.policy, one_page=bool(self.go_on) and not self.dry_run
            )
            self._write(routed[event_type] | f"{event_type}/Decide" >> decide, event_type)
        unrouted = routed[UNROUTED] | "Unrouted/Leave" >> beam.Map(leave_batch_unrouted)
        self._write(unrouted, "Unrouted")

    def _write(self, decided: beam.PCollection[Decided], branch: str) -> None:
        """Write what was decided, and bury what could be neither decided nor written."""
        write: Write = (
            PreviewOutcomes()
            if self.dry_run
            else WriteOutcomes(self.database, self.put_off, self.go_on)
        )
        decided | f"{branch}/Write" >> write | f"{branch}/Bury" >> self._bury()

    def _bury(self) -> Bury:
        if self.dry_run:
            return PreviewDeadLetters()
        return WriteDeadLetters(self.database, self.dead_letter_topic)
