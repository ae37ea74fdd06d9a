"""The batches that the steps pass on. Each kind of batch has its own type."""

from collections.abc import Sequence
from dataclasses import dataclass

from pipeline.domain.dead_letter import DeadLetter
from pipeline.domain.payload import Payload
from pipeline.fanout.events import Event, Unrouted
from pipeline.fanout.outcome import Outcome
from pipeline.fanout.row import Row


@dataclass(frozen=True, slots=True)
class Fetched:
    """The rows of a batch of wake-ups, and a dead letter for each wake-up without a row."""

    rows: Sequence[Row] = ()
    letters: Sequence[DeadLetter] = ()


@dataclass(frozen=True, slots=True)
class Decoded:
    """The events of a batch of rows, the unrouted events, and dead letters of malformed rows."""

    events: Sequence[Event[Payload]] = ()
    unrouted: Sequence[Unrouted] = ()
    letters: Sequence[DeadLetter] = ()


@dataclass(frozen=True, slots=True)
class Decided:
    """The outcomes of a batch of events of one type, and a dead letter for each without one."""

    outcomes: Sequence[Outcome] = ()
    letters: Sequence[DeadLetter] = ()
