"""A branch of a graph: do the work, write the results, write the dead letters."""

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
    """The steps at the end of a branch. Each branch gets its own steps.

    Attributes:
        write: makes the step that writes results. The step outputs the dead letters that it
            received, and new ones for results that it could not write.
        bury: makes the step that writes dead letters.
    """

    write: Callable[[], beam.PTransform[beam.PCollection[DoneT], Letters]]
    bury: Callable[[], beam.PTransform[Letters, beam.PCollection[None]]]

    def add(self, name: str, done: beam.PCollection[DoneT]) -> None:
        """Add the steps at the end of the branch with this name to its results."""
        letters = done | f"{name}/Write" >> self.write()
        letters | f"{name}/Bury" >> self.bury()


@dataclass(frozen=True, slots=True, kw_only=True)
class Branch(Generic[ItemT, DoneT]):
    """One branch.

    Attributes:
        name: the beginning of the labels of its steps.
        label: the label of the step that does the work.
        work: the step that does the work.
    """

    name: str
    label: str
    work: beam.PTransform[beam.PCollection[ItemT], beam.PCollection[DoneT]]

    def add(self, items: beam.PCollection[ItemT], sinks: Sinks[DoneT]) -> None:
        """Add the steps of the branch to a collection."""
        done = items | f"{self.name}/{self.label}" >> self.work
        sinks.add(self.name, done)
