"""WriteOutcomes: decided batches in; dead letters out, for what has no outcome or is refused."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from typing import Any, Final

import apache_beam as beam
from apache_beam.transforms.window import GlobalWindows

from pipeline import coders  # noqa: F401 - registers them
from pipeline.domain.breaker import Breaker
from pipeline.domain.dead_letter import DeadLetter
from pipeline.domain.errors import LockTimeout
from pipeline.domain.identifiers import EventId
from pipeline.fanout.batches import Decided
from pipeline.fanout.outcome import Outcome, Status
from pipeline.settings import DatabaseSettings
from pipeline.sinks.breaker import breakers_of
from pipeline.sinks.locks import locks_of
from pipeline.sinks.metrics import measure
from pipeline.sinks.outcomes import HASTY, Written, write_what_is_free
from pipeline.sinks.tally import count, sum_up

Batches = beam.PCollection[Decided]
Letters = beam.PCollection[list[DeadLetter]]
# Takes events that are not done with now, and shall come again.
PutOff = Callable[[Sequence[EventId]], None]

# One statement at a time keeps a core of the server busy; the others are for the branches' facts.
WRITERS: Final = 2

BREAKER: Final = Breaker()

_writers: Final = ThreadPoolExecutor(WRITERS, thread_name_prefix="write")


class WriteOutcomes(beam.PTransform[Batches, Letters]):
    """Write each batch in one statement; the output is what could not be decided or written.

    A batch is written while the next one is decided. A bundle does not end before everything in it
    is written, so neither does its acknowledgement come before.

    Args:
        settings: the database.
        put_off: takes what needs a row that somebody has locked; None to fail the bundle for it,
            once all else in its batch is written.
        go_on: takes events of which a page was written and more are to come; None where all pages
            of an event are in its bundle.
        breaker: when to hold back a type whose events all fail.
    """

    def __init__(
        self,
        settings: DatabaseSettings,
        put_off: PutOff | None = None,
        go_on: PutOff | None = None,
        breaker: Breaker = BREAKER,
    ) -> None:
        super().__init__()
        self._fn = _Write(settings, put_off, go_on, breaker)

    def expand(self, batches: Batches) -> Letters:
        """One step, fused with what comes before it."""
        return batches | "Insert" >> beam.ParDo(self._fn)


class _Write(beam.DoFn):
    def __init__(
        self,
        settings: DatabaseSettings,
        put_off: PutOff | None,
        go_on: PutOff | None,
        breaker: Breaker,
    ) -> None:
        self._settings = settings
        self._breaker = breaker
        self._put_off = put_off
        self._go_on = go_on
        self._writing: Future[Written] | None = None
        # Of the batch being written, those that could not be decided.
        self._undecided: Sequence[DeadLetter] = ()

    def start_bundle(self) -> None:
        # What a failed bundle left behind is offered again with its messages.
        self._writing = None

    def process(self, decided: Decided) -> Iterable[list[DeadLetter]]:
        letters = [*self._finish(), *decided.letters]
        if decided.outcomes:
            self._undecided = decided.letters
            self._writing = _writers.submit(self._write, decided.outcomes)
        elif decided.letters:
            self._observe((), decided.letters)
        if letters:
            yield letters

    def finish_bundle(self) -> Iterator[Any]:
        if letters := list(self._finish()):
            yield GlobalWindows.windowed_value_at_end_of_window(letters)

    def _write(self, outcomes: Sequence[Outcome]) -> Written:
        write = partial(write_what_is_free, self._settings, outcomes)
        if self._put_off is None:
            return write()
        return write(wait=HASTY, locks=locks_of(self._settings))

    def _finish(self) -> Sequence[DeadLetter]:
        """Wait for the batch being written, if there is one; gives its dead letters."""
        writing, self._writing = self._writing, None
        if writing is None:
            return ()
        written = writing.result()
        # Not in the other thread: Beam keeps metrics with the one that runs the step.
        total = sum_up(outcome for outcome, _ in written.outcomes)
        count(total)
        done = [each for each in written.outcomes if each[0].status is not Status.PAUSED]
        measure(total, (milliseconds for _, milliseconds in done))
        self._observe([outcome for outcome, _ in done], [*self._undecided, *written.letters])
        if written.locked:
            self._leave([outcome.event_id for outcome in written.locked])
        if self._go_on is not None:
            more = [
                each.event_id for each, _ in written.outcomes if each.page and not each.page.last
            ]
            self._go_on(more)
        return written.letters

    def _observe(self, outcomes: Sequence[Outcome], letters: Sequence[DeadLetter]) -> None:
        breakers_of(self._settings, self._breaker).observe(outcomes, letters)

    def _leave(self, locked: Sequence[EventId]) -> None:
        if self._put_off is None:
            raise LockTimeout(f"{len(locked):,} of the events need a row that is locked")
        self._put_off(locked)
