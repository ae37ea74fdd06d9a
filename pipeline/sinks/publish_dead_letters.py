"""PublishDeadLetters: dead letters that are in their table in, to the topic; no output."""

import apache_beam as beam

from pipeline import coders  # noqa: F401 - registers the coders
from pipeline.clients.pubsub.publish import publish
from pipeline.domain.dead_letter import DeadLetter
from pipeline.sinks.dead_letters import to_message
from pipeline.sinks.metrics import measure
from pipeline.sinks.tally import count, count_causes, dead


class PublishDeadLetters(
    beam.PTransform[beam.PCollection[list[DeadLetter]], beam.PCollection[None]]
):
    """Publish dead letters, a batch at a time.

    Args:
        topic: the topic to publish to. None: do not publish.
    """

    def __init__(self, topic: str | None) -> None:
        super().__init__()
        self._fn = _PublishLetters(topic)

    def expand(self, letters: beam.PCollection[list[DeadLetter]]) -> beam.PCollection[None]:
        """Add one step. It is fused with the step before it."""
        return letters | "Publish" >> beam.ParDo(self._fn).with_output_types(type(None))


class _PublishLetters(beam.DoFn):
    def __init__(self, topic: str | None) -> None:
        self._topic = topic

    def process(self, letters: list[DeadLetter]) -> None:
        if self._topic is not None:
            publish(self._topic, map(to_message, letters))
        total = dead(len(letters))
        count(total)
        count_causes(letter.fingerprint for letter in letters)
        measure(total)
