"""A branch of a graph: work, then the write of what was done, then the burial of what failed."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

import apache_beam as beam

from pipeline.domain.dead_letter import DeadLetter

ItemT = TypeVar("ItemT")
DoneT = TypeVar("DoneT")

Letters = beam.PCollection[list[DeadLetter]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Sinks(Generic[DoneT]):
    """Where the branches of a graph end: each gets steps of its own.

    Attributes:
        write: makes the step that writes what was done; it gives letters for what it could not
            write, and those that came with what was done.
        bury: makes the step that records letters.
    """

    write: Callable[[], beam.PTransform[beam.PCollection[DoneT], Letters]]
    bury: Callable[[], beam.PTransform[Letters, beam.PCollection[None]]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Branch(Generic[ItemT, DoneT]):
    """One branch.

    Attributes:
        name: with which the labels of its steps begin.
        label: of the step that does the work.
        work: the step.
    """

    name: str
    label: str
    work: beam.PTransform[beam.PCollection[ItemT], beam.PCollection[DoneT]]

    def add(self, items: beam.PCollection[ItemT], sinks: Sinks[DoneT]) -> None:
        """Add the branch to what comes before it."""
        done = items | f"{self.name}/{self.label}" >> self.work
        letters = done | f"{self.name}/Write" >> sinks.write()
        letters | f"{self.name}/Bury" >> sinks.bury()
