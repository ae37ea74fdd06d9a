"""Where the fan-out ends: in rows and dead letters, or on the screen of a dry run."""

from dataclasses import dataclass
from functools import partial
from typing import ClassVar

from pipeline.domain.breaker import Breaker
from pipeline.domain.graph import Graph
from pipeline.fanout.batches import Decided
from pipeline.settings import DatabaseSettings
from pipeline.sinks.forms import leave_forms, record_forms
from pipeline.sinks.heartbeat import keep_beating
from pipeline.sinks.ledger import mark_dead
from pipeline.sinks.preview import PreviewDeadLetters, PreviewOutcomes
from pipeline.sinks.write_dead_letters import WriteDeadLetters
from pipeline.sinks.write_outcomes import BREAKER, PutOff, WriteOutcomes
from pipeline.topology.branch import Sinks
from pipeline.transforms.fetch import Begin, Later, Note, wait_here


@dataclass(frozen=True, slots=True, kw_only=True)
class Again:
    """What becomes of wake-ups and events that shall come again.

    Attributes:
        later: takes wake-ups whose rows cannot be seen yet.
        put_off: takes events that need a row which somebody has locked; None to wait for it.
        go_on: takes events that very many people hear of, after each page of them, so that others
            are told in between; None to tell all of them first.
    """

    later: Later = wait_here
    put_off: PutOff | None = None
    go_on: PutOff | None = None


@dataclass(frozen=True, slots=True)
class Rows:
    """Outcomes are written to the database, dead letters to their table and their topic.

    Attributes:
        database: where outcomes and dead letters go.
        dead_letter_topic: where dead letters go besides their table.
        says_it_lives: let every process that runs steps of the graph write its sign of life; not
            where who runs the graph does so.
        breaker: when to hold back a type whose events all fail.
    """

    database: DatabaseSettings
    dead_letter_topic: str | None = None
    says_it_lives: bool = False
    breaker: Breaker = BREAKER

    is_dry_run: ClassVar[bool] = False

    @property
    def note(self) -> Note:
        """Is shown every message."""
        return record_forms

    @property
    def begin(self) -> Begin | None:
        """Is called once by each process that runs steps of the graph."""
        return partial(keep_beating, self.database, Graph.FANOUT) if self.says_it_lives else None

    def allowed(self, again: Again) -> Again:
        """All of it."""
        return again

    def sinks(self, again: Again) -> Sinks[Decided]:
        """The steps at the end of every branch."""
        return Sinks(
            write=partial(WriteOutcomes, self.database, again.put_off, again.go_on, self.breaker),
            bury=partial(WriteDeadLetters, self.database, self.dead_letter_topic, mark_dead),
        )


@dataclass(frozen=True, slots=True)
class Preview:
    """Outcomes and dead letters are printed; nothing is written anywhere.

    Attributes:
        dead_letter_topic: where letters would go.
    """

    dead_letter_topic: str | None = None

    is_dry_run: ClassVar[bool] = True

    @property
    def note(self) -> Note:
        """Is shown every message."""
        return leave_forms

    @property
    def begin(self) -> Begin | None:
        """Nothing: a dry run leaves no sign of life."""
        return None

    def allowed(self, again: Again) -> Again:
        """Nothing is written, so nothing is put off, and no page follows another."""
        return Again(later=again.later)

    def sinks(self, again: Again) -> Sinks[Decided]:  # noqa: ARG002 - as of ``Rows``
        """The steps that print."""
        return Sinks(write=PreviewOutcomes, bury=PreviewDeadLetters)
