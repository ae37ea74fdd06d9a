"""ReadUnfinished, the bounded source: events without a final state in the ledger, as wake-ups."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import takewhile

import apache_beam as beam
from apache_beam.pvalue import PBegin

from pipeline import coders  # noqa: F401 - registers them
from pipeline.domain.wake_up import WakeUp
from pipeline.settings import DatabaseSettings
from pipeline.sources.unfinished import Selection, read_unfinished


class ReadUnfinished(beam.PTransform[PBegin, beam.PCollection[list[WakeUp]]]):
    """Read the selected events that have no final state.

    The highest id is fixed at the start of the pass, so a pass ends although new events arrive.

    Args:
        database: the database of the events.
        selection: which events to read.
        going_on: called before each batch. If it returns False, the pass stops, and the other
            events stay unfinished.
    """

    def __init__(
        self, database: DatabaseSettings, selection: Selection, going_on: Callable[[], bool]
    ) -> None:
        super().__init__()
        self._read = _WakeUps(database, going_on)
        self._selection = selection

    def expand(self, pbegin: PBegin) -> beam.PCollection[list[WakeUp]]:
        """Read the events of the selection."""
        return (
            pbegin
            | "Select" >> beam.Create([self._selection], reshuffle=False)
            | "ReadIds" >> beam.FlatMap(self._read)
        )


@dataclass(frozen=True, slots=True)
class _WakeUps:
    database: DatabaseSettings
    going_on: Callable[[], bool]

    def __call__(self, selection: Selection) -> Iterable[list[WakeUp]]:
        batches = read_unfinished(self.database, selection)
        return takewhile(lambda _: self.going_on(), batches)
