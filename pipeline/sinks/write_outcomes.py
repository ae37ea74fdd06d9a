"""WriteOutcomes: decided batches in; dead letters out, for what has no outcome or is refused."""

from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, Final

import apache_beam as beam
from apache_beam.transforms.window import GlobalWindows

from pipeline.domain.batches import Decided
from pipeline.domain.dead_letter import DeadLetter
from pipeline.settings import DatabaseSettings
from pipeline.sinks.metrics import measure
from pipeline.sinks.outcomes import Written, write_outcomes
from pipeline.sinks.tally import count, sum_up

Batches = beam.PCollection[Decided]
Letters = beam.PCollection[list[DeadLetter]]

# One statement at a time keeps a core of the server busy; the others are for the branches' facts.
WRITERS: Final = 2

_writers: Final = ThreadPoolExecutor(WRITERS, thread_name_prefix="write")


class WriteOutcomes(beam.PTransform[Batches, Letters]):
    """Write each batch in one statement; the output is what could not be decided or written.

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

    def process(self, decided: Decided) -> Iterable[list[DeadLetter]]:
        letters = [*self._finish(), *decided.letters]
        if decided.outcomes:
            self._writing = _writers.submit(write_outcomes, self._settings, decided.outcomes)
        if letters:
            yield letters

    def finish_bundle(self) -> Iterator[Any]:
        if letters := list(self._finish()):
            yield GlobalWindows.windowed_value_at_end_of_window(letters)

    def _finish(self) -> Sequence[DeadLetter]:
        """Wait for the batch being written, if there is one; gives its dead letters."""
        writing, self._writing = self._writing, None
        if writing is None:
            return ()
        written = writing.result()
        # Not in the other thread: Beam keeps metrics with the one that runs the step.
        total = sum_up(outcome for outcome, _ in written.outcomes)
        count(total)
        measure(total, (milliseconds for _, milliseconds in written.outcomes))
        return written.letters
