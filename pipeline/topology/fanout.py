"""The whole graph of the fan-out on one screen: the order of its steps.

Between the source and the writes there is no Flatten, no GroupByKey, no Reshuffle, no state and no
timer. So all steps are one fused stage, and on one machine a message is acknowledged only after
its rows are written.
"""

from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any, ClassVar

import apache_beam as beam

from pipeline.clients.pubsub.subscription import Subscription
from pipeline.domain.defaults import BATCH_SIZE
from pipeline.domain.graph import Graph
from pipeline.domain.identifiers import EventType
from pipeline.fanout.decide import Policy
from pipeline.fanout.handler import Handler
from pipeline.settings import DatabaseSettings
from pipeline.topology.branch import Branch
from pipeline.topology.ends import Preview, Retries, Source, Store
from pipeline.transforms.decide import Decide, leave_unrouted
from pipeline.transforms.decode import Decode
from pipeline.transforms.fetch import Fetch
from pipeline.transforms.outputs import DEAD, EVENTS, UNROUTED
from pipeline.transforms.route import RouteByType


@dataclass(frozen=True, slots=True, kw_only=True)
class Topology:
    """The graph from wake-ups to rows. It is the same for every source.

    Attributes:
        database: the database of events and facts.
        handlers: the handlers; each gets a branch.
        policy: the rules for all event types.
        ends: ``Store`` writes outcomes and dead letters; ``Preview`` prints them, for a dry run.
        batch_size: the maximum number of events decided and written at once.
    """

    database: DatabaseSettings
    handlers: Mapping[EventType, Handler[Any]]
    policy: Policy
    ends: Store | Preview
    batch_size: int = BATCH_SIZE

    graph: ClassVar = Graph.FANOUT
    due_every: ClassVar[float | None] = None

    def on_one_machine(self, subscription: str) -> "Topology":  # noqa: ARG002 - of every graph
        """Return the graph as it runs on one machine: it is the same."""
        return self

    def beside(self, subscription: Subscription) -> AbstractContextManager[None]:  # noqa: ARG002
        """Return what runs beside the steps on one machine: nothing."""
        return nullcontext()

    def build(
        self, pipeline: beam.Pipeline, source: Source, retries: Retries | None = None
    ) -> None:
        """Add every step to a pipeline.

        Args:
            pipeline: the pipeline.
            source: produces batches of wake-ups.
            retries: how to retry unfinished events. None: the defaults of ``Retries``.
        """
        ends = self.ends
        retries = ends.supported(retries or Retries())
        sinks = ends.sinks(retries)
        one_page = retries.next_page is not None
        payloads = {name: handler.payload for name, handler in self.handlers.items()}
        fetch = Fetch(
            self.database,
            payloads,
            retries.unseen,
            ends.on_messages,
            ends.on_start(self.graph),
            traces=ends.traces,
        )
        decoded = (
            pipeline
            | "ReadEvents" >> source
            | "Fetch" >> fetch
            | "Decode" >> Decode(payloads, self.batch_size, ends.traces)
        )
        routed = decoded[EVENTS] | "RouteByType" >> RouteByType(payloads, self.batch_size)
        for name, handler in self.handlers.items():
            decide = Decide(
                self.database, handler, self.policy, one_page=one_page, traces=ends.traces
            )
            Branch(name=name, label="Decide", work=decide).add(routed[name], sinks)
        unrouted = Branch(name="Unrouted", label="Leave", work=leave_unrouted())
        unrouted.add(decoded[UNROUTED], sinks)
        decoded[DEAD] | "BuryUndecoded" >> sinks.bury()
