"""The whole fan-out on one screen: which step follows which, and nothing else.

Between the batches of the source and the writes there is no Flatten, no GroupByKey, no Reshuffle,
no state and no timer: the path is one fused stage, so that on one machine a message is acknowledged
after its rows are written.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import apache_beam as beam
from apache_beam.pvalue import PBegin

from pipeline.domain.defaults import BATCH_SIZE
from pipeline.domain.identifiers import EventType
from pipeline.domain.wake_up import WakeUp
from pipeline.fanout.decide import Policy
from pipeline.fanout.handler import Handler
from pipeline.settings import DatabaseSettings
from pipeline.topology.branch import Branch
from pipeline.topology.ends import Again, Preview, Rows
from pipeline.transforms.decide import Decide, leave_unrouted
from pipeline.transforms.decode import Decode
from pipeline.transforms.fetch import Fetch
from pipeline.transforms.outputs import DEAD, EVENTS, UNROUTED
from pipeline.transforms.route import RouteByType

Source = beam.PTransform[PBegin, beam.PCollection[list[WakeUp]]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Topology:
    """The graph from wake-ups to rows, the same for every source.

    Attributes:
        database: where events and facts come from.
        handlers: one branch each.
        policy: what holds for every event type.
        ends: where outcomes and dead letters go; for a dry run, what prints them.
        batch_size: the most events decided and written at once.
    """

    database: DatabaseSettings
    handlers: Mapping[EventType, Handler[Any]]
    policy: Policy
    ends: Rows | Preview
    batch_size: int = BATCH_SIZE

    def build(self, pipeline: beam.Pipeline, source: Source, again: Again | None = None) -> None:
        """Add every step to a pipeline.

        Args:
            pipeline: to add them to.
            source: gives batches of wake-ups.
            again: takes what shall come again; without it everything is waited for.
        """
        ends = self.ends
        again = ends.allowed(again or Again())
        sinks = ends.sinks(again)
        payloads = {name: handler.payload for name, handler in self.handlers.items()}
        decoded = (
            pipeline
            | "ReadEvents" >> source
            | "Fetch" >> Fetch(self.database, payloads, again.later, ends.note, ends.begin)
            | "Decode" >> Decode(payloads, self.batch_size)
        )
        routed = decoded[EVENTS] | "RouteByType" >> RouteByType(payloads, self.batch_size)
        for name, handler in self.handlers.items():
            decide = Decide(self.database, handler, self.policy, one_page=again.go_on is not None)
            Branch(name=name, label="Decide", work=decide).add(routed[name], sinks)
        unrouted = Branch(name="Unrouted", label="Leave", work=leave_unrouted())
        unrouted.add(decoded[UNROUTED], sinks)
        decoded[DEAD] | "BuryUndecoded" >> sinks.bury()
