"""WriteOutcomes: decided batches in; dead letters out, for events that could not be written."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from typing import Any, Final

import apache_beam as beam
from apache_beam.transforms.window import GlobalWindows

from pipeline import coders  # noqa: F401 - registers the coders
from pipeline.domain.breaker import Breaker
from pipeline.domain.dead_letter import DeadLetter
from pipeline.domain.errors import LockTimeout
from pipeline.domain.identifiers import EventId
from pipeline.fanout.batches import Decided
from pipeline.fanout.outcome import Outcome, Status
from pipeline.settings import DatabaseSettings
from pipeline.settings.traces import TraceSettings
from pipeline.sinks.breaker import breakers_of
from pipeline.sinks.locks import locks_of
from pipeline.sinks.metrics import measure
from pipeline.sinks.outcomes import SHORT_WAIT, Written, write_unlocked
from pipeline.sinks.tally import count, sum_up
from pipeline.sinks.traced import traced_write
from pipeline.steps.traces.bundle import EventTraces
from pipeline.steps.traces.current import traces_of

Batches = beam.PCollection[Decided]
Letters = beam.PCollection[list[DeadLetter]]
# Makes the source retry these events.
RetryEvents = Callable[[Sequence[EventId]], None]

# One statement at a time keeps one core of the server busy. The other cores load facts.
WRITERS: Final = 2

BREAKER: Final = Breaker()

_writers: Final = ThreadPoolExecutor(WRITERS, thread_name_prefix="write")


class WriteOutcomes(beam.PTransform[Batches, Letters]):
    """Write each batch in one statement, and output dead letters.

    The output holds the events that could not be decided or written. A batch is written while the
    next one is decided. A bundle ends after everything in it is written, and its messages are
    acknowledged after that.

    Args:
        settings: the database.
        retry_locked: retries events that need a row that another session has locked. None: the
            bundle fails, after the rest of the batch is written.
        retry_next_page: retries events that have more pages, after a page was written. None: all
            pages of an event are in one bundle.
        breaker: when to hold back an event type whose events all fail.
        traces: where the traces of events go. None: nowhere.
    """

    def __init__(
        self,
        settings: DatabaseSettings,
        retry_locked: RetryEvents | None = None,
        retry_next_page: RetryEvents | None = None,
        breaker: Breaker = BREAKER,
        traces: TraceSettings | None = None,
    ) -> None:
        super().__init__()
        self._fn = _WriteOutcomes(settings, retry_locked, retry_next_page, breaker, traces)

    def expand(self, batches: Batches) -> Letters:
        """Add one step. It is fused with the step before it."""
        return batches | "Insert" >> beam.ParDo(self._fn)


class _WriteOutcomes(beam.DoFn):
    def __init__(
        self,
        settings: DatabaseSettings,
        retry_locked: RetryEvents | None,
        retry_next_page: RetryEvents | None,
        breaker: Breaker,
        traces: TraceSettings | None,
    ) -> None:
        self._settings = settings
        self._breaker = breaker
        self._retry_locked = retry_locked
        self._retry_next_page = retry_next_page
        self._traces = traces
        self._writing: Future[Written] | None = None
        # The events of the batch being written that could not be decided.
        self._undecided: Sequence[DeadLetter] = ()

    def start_bundle(self) -> None:
        # The messages of a failed bundle are redelivered, so its unfinished batch is dropped.
        self._writing = None

    def process(self, decided: Decided) -> Iterable[list[DeadLetter]]:
        letters = [*self._finish(), *decided.letters]
        if decided.outcomes:
            self._undecided = decided.letters
            traces = traces_of(self._traces)
            self._writing = _writers.submit(self._write, decided.outcomes, traces)
        elif decided.letters:
            self._observe((), decided.letters)
        if letters:
            yield letters

    def finish_bundle(self) -> Iterator[Any]:
        if letters := list(self._finish()):
            yield GlobalWindows.windowed_value_at_end_of_window(letters)

    def _write(self, outcomes: Sequence[Outcome], traces: EventTraces | None) -> Written:
        write = partial(write_unlocked, self._settings, outcomes)
        if self._retry_locked is not None:
            write = partial(write, wait=SHORT_WAIT, locks=locks_of(self._settings))
        return write() if traces is None else traced_write(traces, outcomes, write)

    def _finish(self) -> Sequence[DeadLetter]:
        """Wait for the batch being written, if there is one, and return its dead letters."""
        writing, self._writing = self._writing, None
        if writing is None:
            return ()
        written = writing.result()
        # Not in the writer thread: Beam keeps metrics in the thread that runs the step.
        total = sum_up(outcome for outcome, _ in written.outcomes)
        count(total)
        done = [each for each in written.outcomes if each[0].status is not Status.PAUSED]
        measure(total, (milliseconds for _, milliseconds in done))
        self._observe([outcome for outcome, _ in done], [*self._undecided, *written.letters])
        if written.locked:
            self._retry([outcome.event_id for outcome in written.locked])
        if self._retry_next_page is not None:
            more = [
                each.event_id for each, _ in written.outcomes if each.page and not each.page.last
            ]
            self._retry_next_page(more)
        return written.letters

    def _observe(self, outcomes: Sequence[Outcome], letters: Sequence[DeadLetter]) -> None:
        breakers_of(self._settings, self._breaker).observe(outcomes, letters)

    def _retry(self, locked: Sequence[EventId]) -> None:
        if self._retry_locked is None:
            raise LockTimeout.of_events(len(locked))
        self._retry_locked(locked)
