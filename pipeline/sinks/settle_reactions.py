"""SettleReactions: events that were tried in; the dead letters that were written with them out."""

from collections import Counter
from collections.abc import Iterable

import apache_beam as beam

from pipeline import coders  # noqa: F401 - registers the coders
from pipeline.domain.dead_letter import DeadLetter
from pipeline.domain.lease import TERMINAL
from pipeline.settings import DatabaseSettings
from pipeline.sinks.metrics import measure
from pipeline.sinks.reaction_results import write_reaction_results
from pipeline.sinks.tally import Field, count
from pipeline.steps.reactions.batches import TriedReactions


class SettleReactions(
    beam.PTransform[beam.PCollection[TriedReactions], beam.PCollection[list[DeadLetter]]]
):
    """Write how the tries of a batch ended, and what follows, in one statement.

    Args:
        database: where it is written.
        topic: the topic to which the dead letters are published after that. None: they are not.
    """

    def __init__(self, database: DatabaseSettings, topic: str | None = None) -> None:
        super().__init__()
        self._fn = _SettleReactions(database, topic)

    def expand(self, tried: beam.PCollection[TriedReactions]) -> beam.PCollection[list[DeadLetter]]:
        """Add one step. It is fused with the steps before it."""
        return tried | "Write" >> beam.ParDo(self._fn)


class _SettleReactions(beam.DoFn):
    def __init__(self, database: DatabaseSettings, topic: str | None) -> None:
        self._database = database
        self._topic = topic

    def process(self, tried: TriedReactions) -> Iterable[list[DeadLetter]]:
        letters = write_reaction_results(
            self._database, tried.settlements, tried.stage, topic=self._topic
        )
        ended = sum(each.state in TERMINAL for each in tried.settlements)
        # Dead letters are counted when they are published.
        total = Counter({Field.EVENTS: ended - len(letters)})
        count(total)
        measure(total)
        if letters:
            yield letters
