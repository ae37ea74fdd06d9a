"""Both ends of a graph: its source; and ``Store``, which writes, or ``Preview``, which prints."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import ClassVar

import apache_beam as beam
from apache_beam.pvalue import PBegin

from pipeline.domain.breaker import Breaker
from pipeline.domain.graph import Graph
from pipeline.domain.wake_up import WakeUp
from pipeline.fanout.batches import Decided
from pipeline.settings import DatabaseSettings
from pipeline.settings.traces import TraceSettings
from pipeline.sinks.dead_letters import Mark
from pipeline.sinks.forms import ignore_forms, record_forms
from pipeline.sinks.heartbeat import keep_beating
from pipeline.sinks.ledger import mark_dead
from pipeline.sinks.preview import PreviewDeadLetters, PreviewOutcomes
from pipeline.sinks.unpublished_letters import keep_publishing
from pipeline.sinks.write_dead_letters import WriteDeadLetters
from pipeline.sinks.write_outcomes import BREAKER, RetryEvents, WriteOutcomes
from pipeline.topology.branch import Letters, Sinks
from pipeline.transforms.fetch import OnMessages, OnStart, RetryUnseen, wait_here

# Produces batches of wake-ups. Every graph begins with one.
Source = beam.PTransform[PBegin, beam.PCollection[list[WakeUp]]]
# Makes the step that writes dead letters.
Bury = Callable[[], beam.PTransform[Letters, beam.PCollection[None]]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Retries:
    """How to retry wake-ups and events that are not finished.

    Attributes:
        unseen: retries wake-ups whose rows are not visible yet.
        locked: retries events that need a row that another session has locked. None: the bundle
            fails.
        next_page: retries events with more pages of recipients, after each page, so that other
            events are processed in between. None: one bundle writes all pages.
    """

    unseen: RetryUnseen = wait_here
    locked: RetryEvents | None = None
    next_page: RetryEvents | None = None


@dataclass(frozen=True, slots=True)
class Store:
    """Write outcomes to the database, and dead letters to their table and topic.

    Attributes:
        database: where outcomes and dead letters are written.
        dead_letter_topic: where dead letters are also published. None: nowhere.
        writes_sign_of_life: each process that runs steps of the graph writes the graph's sign of
            life, and publishes dead letters that nobody has published. False if the program that
            runs the graph does.
        breaker: when to hold back an event type whose events all fail.
        traces: where the traces of events go. None: nowhere.
    """

    database: DatabaseSettings
    dead_letter_topic: str | None = None
    writes_sign_of_life: bool = False
    breaker: Breaker = BREAKER
    traces: TraceSettings | None = None

    is_dry_run: ClassVar[bool] = False

    @property
    def on_messages(self) -> OnMessages:
        """The step that reads events calls this with all messages."""
        return record_forms

    def on_start(self, graph: Graph) -> OnStart | None:
        """Return what each process that runs steps of a graph calls once."""
        if not self.writes_sign_of_life:
            return None
        return partial(_begin, self.database, graph, self.dead_letter_topic)

    def supported(self, retries: Retries) -> Retries:
        """Return all of them."""
        return retries

    def sinks(self, retries: Retries) -> Sinks[Decided]:
        """Return the steps at the end of every branch."""
        return Sinks(
            write=partial(
                WriteOutcomes,
                self.database,
                retries.locked,
                retries.next_page,
                self.breaker,
                self.traces,
            ),
            bury=self.bury(mark_dead),
        )

    def bury(self, mark: Mark) -> Bury:
        """Return what makes the step that writes dead letters.

        Args:
            mark: writes to the ledger of the family, in the transaction of the dead letters.
        """
        return partial(WriteDeadLetters, self.database, self.dead_letter_topic, mark, self.traces)


def _begin(database: DatabaseSettings, graph: Graph, topic: str | None) -> None:
    """Start what runs beside the steps in each process."""
    keep_beating(database, graph)
    keep_publishing(database, graph, topic)


@dataclass(frozen=True, slots=True)
class Preview:
    """Print outcomes and dead letters, and write nothing.

    Attributes:
        dead_letter_topic: where a real run would publish dead letters.
    """

    dead_letter_topic: str | None = None

    is_dry_run: ClassVar[bool] = True
    traces: ClassVar[TraceSettings | None] = None

    @property
    def on_messages(self) -> OnMessages:
        """The step that reads events calls this with all messages."""
        return ignore_forms

    def on_start(self, graph: Graph) -> OnStart | None:  # noqa: ARG002 - the signature of Store
        """Return None: a dry run writes no sign of life."""
        return None

    def supported(self, retries: Retries) -> Retries:
        """Return only ``unseen``: a dry run locks no row, and the ledger counts no page."""
        return Retries(unseen=retries.unseen)

    def sinks(self, retries: Retries) -> Sinks[Decided]:  # noqa: ARG002 - the signature of Store
        """Return the steps that print."""
        return Sinks(write=PreviewOutcomes, bury=PreviewDeadLetters)

    def bury(self, mark: Mark) -> Bury:  # noqa: ARG002 - the signature of Store
        """Return what makes the step that prints dead letters."""
        return PreviewDeadLetters
