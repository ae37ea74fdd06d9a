"""WriteOutcomes: batches of outcomes in, dead letters for what Postgres refuses out."""

from collections.abc import Iterable

import apache_beam as beam

from pipeline.domain.dead_letter import DeadLetter
from pipeline.domain.outcome import Outcome
from pipeline.settings import DatabaseSettings
from pipeline.sinks.outcomes import write_outcomes

Batches = beam.PCollection[list[Outcome]]
Letters = beam.PCollection[list[DeadLetter]]


class WriteOutcomes(beam.PTransform[Batches, Letters]):
    """Write each batch in one statement; the output is what could not be written."""

    def __init__(self, settings: DatabaseSettings) -> None:
        super().__init__()
        self._settings = settings

    def expand(self, batches: Batches) -> Letters:
        """One step, fused with what comes before it."""
        return batches | "Insert" >> beam.ParDo(_Write(self._settings))


class _Write(beam.DoFn):
    def __init__(self, settings: DatabaseSettings) -> None:
        self._settings = settings

    def process(self, outcomes: list[Outcome]) -> Iterable[list[DeadLetter]]:
        letters = write_outcomes(self._settings, outcomes)
        if letters:
            yield letters
