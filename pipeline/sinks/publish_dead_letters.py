"""PublishDeadLetters: dead letters that are in their table in, to the topic; no output."""

import apache_beam as beam

from pipeline import coders  # noqa: F401 - registers the coders
from pipeline.domain.dead_letter import DeadLetter
from pipeline.settings import DatabaseSettings
from pipeline.sinks.dead_letters import publish_letters
from pipeline.sinks.metrics import measure
from pipeline.sinks.tally import count, count_causes, dead


class PublishDeadLetters(
    beam.PTransform[beam.PCollection[list[DeadLetter]], beam.PCollection[None]]
):
    """Publish dead letters, a batch at a time, and note in the database that they are.

    Args:
        database: where they are noted until then.
        topic: the topic to publish to. None: do not publish.
    """

    def __init__(self, database: DatabaseSettings, topic: str | None) -> None:
        super().__init__()
        self._fn = _PublishLetters(database, topic)

    def expand(self, letters: beam.PCollection[list[DeadLetter]]) -> beam.PCollection[None]:
        """Add one step. It is fused with the step before it."""
        return letters | "Publish" >> beam.ParDo(self._fn).with_output_types(type(None))


class _PublishLetters(beam.DoFn):
    def __init__(self, database: DatabaseSettings, topic: str | None) -> None:
        self._database = database
        self._topic = topic

    def process(self, letters: list[DeadLetter]) -> None:
        if self._topic is not None:
            publish_letters(self._database, self._topic, letters)
        total = dead(len(letters))
        count(total)
        count_causes(letter.fingerprint for letter in letters)
        measure(total)
