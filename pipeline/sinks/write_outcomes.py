"""WriteOutcomes: batches of outcomes in, dead letters for what Postgres refuses out."""

from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, Final

import apache_beam as beam
from apache_beam.transforms.window import GlobalWindows

from pipeline.domain.dead_letter import DeadLetter
from pipeline.domain.outcome import Outcome
from pipeline.settings import DatabaseSettings
from pipeline.sinks.metrics import measure
from pipeline.sinks.outcomes import Written, write_outcomes
from pipeline.sinks.tally import count, sum_up

Batches = beam.PCollection[list[Outcome]]
Letters = beam.PCollection[list[DeadLetter]]

# One statement at a time keeps a core of the server busy; the others are for the branches' facts.
WRITERS: Final = 2

_writers: Final = ThreadPoolExecutor(WRITERS, thread_name_prefix="write")


class WriteOutcomes(beam.PTransform[Batches, Letters]):
    """Write each batch in one statement; the output is what could not be written.

    A batch is written while the next one is decided. A bundle does not end before everything in it
    is written, so neither does its acknowledgement come before.
    """

    def __init__(self, settings: DatabaseSettings) -> None:
        super().__init__()
        self._settings = settings

    def expand(self, batches: Batches) -> Letters:
        """One step, fused with what comes before it."""
        return batches | "Insert" >> beam.ParDo(_Write(self._settings))


class _Write(beam.DoFn):
    def __init__(self, settings: DatabaseSettings) -> None:
        self._settings = settings
        self._writing: Future[Written] | None = None

    def start_bundle(self) -> None:
        # What a failed bundle left behind is offered again with its messages.
        self._writing = None

    def process(self, outcomes: list[Outcome]) -> Iterable[list[DeadLetter]]:
        yield from self._finish()
        self._writing = _writers.submit(write_outcomes, self._settings, outcomes)

    def finish_bundle(self) -> Iterator[Any]:
        for letters in self._finish():
            yield GlobalWindows.windowed_value_at_end_of_window(letters)

    def _finish(self) -> Iterator[list[DeadLetter]]:
        """Wait for the batch being written, if there is one; gives its dead letters, if any."""
        writing, self._writing = self._writing, None
        if writing is None:
            return
        written = writing.result()
        # Not in the other thread: Beam keeps metrics with the one that runs the step.
        total = sum_up(outcome for outcome, _ in written.outcomes)
        count(total)
        measure(total, (milliseconds for _, milliseconds in written.outcomes))
        if written.letters:
            yield list(written.letters)
