"""The whole graph of reactions on one screen: claim, decode, ask the handler, write.

All steps are one fused stage. A message only wakes, and says which event is new. What has to be
done is in the ledger of reactions, and whatever is lost on the way is claimed again when its lease
ends.
"""

from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from functools import partial
from typing import ClassVar

import apache_beam as beam

from pipeline.clients.pubsub.subscription import Subscription
from pipeline.domain.graph import Graph
from pipeline.settings import DatabaseSettings
from pipeline.sinks.publish_dead_letters import PublishDeadLetters
from pipeline.sinks.settle_reactions import SettleReactions
from pipeline.steps.reactions.preview import reaction_preview_of
from pipeline.steps.reactions.reactor import Reactor
from pipeline.topology.branch import Branch, Sinks
from pipeline.topology.ends import Preview, Retries, Source, Store
from pipeline.transforms.outputs import EVENTS, UNDECODED
from pipeline.transforms.preview_due import PreviewDue
from pipeline.transforms.react import ClaimReactions, DecodeReactions, React, RouteReactions


@dataclass(frozen=True, slots=True, kw_only=True)
class ReactionsTopology:
    """The graph from wake-ups to what follows from events. It is the same for every source.

    Attributes:
        reactor: how events are processed. Each of its handlers gets a branch.
        ends: ``Store`` writes what follows; ``Preview`` prints it, for a dry run.
    """

    reactor: Reactor
    ends: Store | Preview

    graph: ClassVar = Graph.REACTIONS
    # A retry has no message: on one machine the source says that something may be due.
    due_every: ClassVar[float | None] = 0.25

    @property
    def database(self) -> DatabaseSettings:
        """The database of the events and the ledger."""
        return self.reactor.database

    def build(
        self,
        pipeline: beam.Pipeline,
        source: Source,
        retries: Retries | None = None,  # noqa: ARG002 - what is retried is in the ledger
    ) -> None:
        """Add every step to a pipeline.

        Args:
            pipeline: the pipeline.
            source: produces batches of wake-ups; an empty one says that something may be due.
            retries: not used: what has to be retried is in the ledger.
        """
        reactor = self.reactor
        woken = pipeline | "ReadEvents" >> source
        if self.ends.is_dry_run:
            _ = woken | "Preview" >> PreviewDue(partial(reaction_preview_of, reactor))
            return
        topic = self.ends.dead_letter_topic
        sinks = Sinks(
            write=partial(SettleReactions, self.database, topic),
            bury=partial(PublishDeadLetters, self.database, topic),
        )
        decoded = (
            woken
            | "Claim" >> ClaimReactions(reactor, self.ends.on_start(self.graph))
            | "Decode" >> DecodeReactions(reactor)
        )
        routed = decoded[EVENTS] | "RouteByType" >> RouteReactions(reactor)
        for name in reactor.handlers:
            Branch(name=name, label="React", work=React(reactor)).add(routed[name], sinks)
        sinks.add("Undecoded", decoded[UNDECODED])

    def on_one_machine(self, subscription: str) -> "ReactionsTopology":  # noqa: ARG002 - of every graph
        """Return the graph as it runs on one machine: it is the same."""
        return self

    def beside(self, subscription: Subscription) -> AbstractContextManager[None]:  # noqa: ARG002
        """Return what runs beside the steps on one machine: nothing."""
        return nullcontext()
