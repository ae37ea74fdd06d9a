"""WriteDeadLetters: batches of dead letters in, to the table and the topic; no output."""

from functools import partial

import apache_beam as beam

from pipeline import coders  # noqa: F401 - registers the coders
from pipeline.domain.dead_letter import DeadLetter
from pipeline.settings import DatabaseSettings
from pipeline.settings.traces import TraceSettings
from pipeline.sinks.dead_letters import Mark, write_dead_letters
from pipeline.sinks.metrics import measure
from pipeline.sinks.tally import count, count_causes, dead
from pipeline.sinks.traced import traced_burial
from pipeline.steps.traces.current import traces_of

Letters = beam.PCollection[list[DeadLetter]]
Nothing = beam.PCollection[None]


class WriteDeadLetters(beam.PTransform[Letters, Nothing]):
    """Record and publish dead letters, a batch at a time.

    Args:
        settings: the database.
        topic: the topic to publish to. None: do not publish.
        mark: writes to the ledger of the family, in the transaction of the dead letters.
        traces: where the traces of events go. None: nowhere.
    """

    def __init__(
        self,
        settings: DatabaseSettings,
        topic: str | None,
        mark: Mark,
        traces: TraceSettings | None = None,
    ) -> None:
        super().__init__()
        self._fn = _WriteLetters(settings, topic, mark, traces)

    def expand(self, letters: Letters) -> Nothing:
        """Add one step. It is fused with the step before it."""
        insert = beam.ParDo(self._fn)
        # Without a type hint Beam infers the type from the code, at each start for each event type.
        return letters | "Insert" >> insert.with_output_types(type(None))


class _WriteLetters(beam.DoFn):
    def __init__(
        self,
        settings: DatabaseSettings,
        topic: str | None,
        mark: Mark,
        traces: TraceSettings | None,
    ) -> None:
        self._settings = settings
        self._topic = topic
        self._mark = mark
        self._traces = traces

    def process(self, letters: list[DeadLetter]) -> None:
        write = partial(write_dead_letters, self._settings, self._topic, letters, self._mark)
        traces = traces_of(self._traces)
        if traces is None:
            write()
        else:
            traced_burial(traces, letters, write)
        total = dead(len({letter.key for letter in letters}))
        count(total)
        count_causes(letter.fingerprint for letter in letters)
        measure(total)
