"""WriteDeadLetters: dead letters in, nothing out: each is in its table and on its topic."""

from typing import Final

import apache_beam as beam

from pipeline.domain.dead_letter import DeadLetter
from pipeline.settings import DatabaseSettings
from pipeline.sinks.dead_letters import write_dead_letters

BATCH_SIZE: Final = 100

Letters = beam.PCollection[DeadLetter]
Nothing = beam.PCollection[None]


class WriteDeadLetters(beam.PTransform[Letters, Nothing]):
    """Record and publish dead letters, a bundle's at a time."""

    def __init__(self, settings: DatabaseSettings, topic: str | None) -> None:
        super().__init__()
        self._settings = settings
        self._topic = topic

    def expand(self, letters: Letters) -> Nothing:
        """Batch within the bundle, then write."""
        return (
            letters
            | "Batch" >> beam.BatchElements(BATCH_SIZE, BATCH_SIZE)
            | "Insert" >> beam.ParDo(_Write(self._settings, self._topic))
        )


class _Write(beam.DoFn):
    def __init__(self, settings: DatabaseSettings, topic: str | None) -> None:
        self._settings = settings
        self._topic = topic

    def process(self, letters: list[DeadLetter]) -> None:
        write_dead_letters(self._settings, self._topic, letters)
