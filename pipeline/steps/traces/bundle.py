"""The traces of the events of one bundle, from the first step to the last."""

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from pipeline.domain.dead_letter import DeadLetter
from pipeline.domain.errors import FanoutError
from pipeline.domain.identifiers import EventId
from pipeline.domain.message import REPLAY_ATTRIBUTE, microseconds, time_of
from pipeline.domain.record import EVENTS, RecordKey
from pipeline.domain.trace_ids import TraceIds, trace_of
from pipeline.domain.wake_up import WakeUp
from pipeline.steps.fetch import STAGE as FETCH
from pipeline.steps.fetch import Batch
from pipeline.steps.traces.names import (
    BATCH_SIZE,
    CAPTURE,
    COMPLETED_BEFORE,
    ERROR,
    EVENT_ID,
    EVENT_TYPE,
    NOT_VISIBLE,
    OUTCOME,
    REPLAY,
    ROOT,
    WAITING,
)
from pipeline.steps.traces.stage import Attributes, Stage, named

if TYPE_CHECKING:
    from pipeline.clients.otlp import Parent, SpanWriter

ItemT = TypeVar("ItemT")
# Returns the events of a portion, and its dead letters.
Of = Callable[[ItemT], tuple[Iterable[EventId], Sequence[DeadLetter]]]


@dataclass(frozen=True, slots=True)
class _InFlight:
    """A sampled event between two steps.

    Attributes:
        ids: its trace.
        span: the span that ends with the event: the root, or that of a replay.
        below: the parent of the spans of its stages: this span.
        started: when this span started, in nanoseconds since 1970.
    """

    ids: TraceIds
    span: int
    below: "Parent"
    started: int


class EventTraces:
    """The traces of the events of one bundle."""

    def __init__(self, spans: "SpanWriter") -> None:
        self._spans = spans
        self._events: dict[EventId, _InFlight] = {}

    def fetch(self, wake_ups: Sequence[WakeUp], read: Callable[[], Batch]) -> Batch:
        """Read the rows of a batch. With them begin, or go on, the traces of their events."""
        distinct = {each.event_id: each for each in wake_ups if each.event_id is not None}
        since = time.time_ns()
        try:
            batch = read()
        except FanoutError as error:
            self._admit(distinct, None, since)
            with self.stage(FETCH, distinct, since=since) as stage:
                stage.fail(distinct, type(error).__name__)
            raise
        self._admit(distinct, batch.times, since)
        found = {row.id for row in batch.fetched.rows} | {each for each, _ in batch.large}
        with self.stage(FETCH, distinct, since=since) as stage:
            stage.bury(batch.fetched.letters)
            stage.outcomes |= {
                each: COMPLETED_BEFORE if each in batch.times else NOT_VISIBLE
                for each in distinct
                if each not in found
            }
        for event_id in distinct:
            if event_id not in found and event_id not in stage.errors:
                self.leave(event_id)
        return batch

    def _admit(
        self,
        wake_ups: Mapping[EventId, WakeUp],
        times: Mapping[EventId, int | None] | None,
        now: int,
    ) -> None:
        """Begin with the events that are sampled, and write what happened before this batch.

        Args:
            wake_ups: the wake-ups of the batch.
            times: the times of its rows; None if the rows could not be read.
            now: when the batch arrived, in nanoseconds since 1970.
        """
        for event_id, wake_up in wake_ups.items():
            message = wake_up.message
            replay = None if message is None else message.attributes.get(REPLAY_ATTRIBUTE)
            claimed = None if message is None else time_of(message)
            # Change data capture sends the time of the row, and a replay its own.
            created = claimed if replay is None else None
            if times is not None:
                created = times.get(event_id, created)
            elif created is None:
                continue
            ids = trace_of(RecordKey(EVENTS, str(event_id)), created)
            if not self._spans.samples(ids.trace):
                continue
            published = now
            if message is not None and message.published_at is not None:
                published = min(microseconds(message.published_at) * 1000, now)
            began = created if replay is None else claimed
            # Each machine has its own clock.
            started = min(published, now if began is None or began < 0 else began * 1000)
            span = ids.root if replay is None else ids.replay(replay)
            in_flight = _InFlight(ids, span, self._spans.below(ids.trace, span), started)
            self._events[event_id] = in_flight
            if wake_up.waited or wake_up.tries or message is None:
                continue
            if replay is None and message.published_at is not None:
                self._write(CAPTURE, in_flight, started, published, {EVENT_ID: event_id})
            if message.published_at is not None:
                self._write(WAITING, in_flight, published, now, {EVENT_ID: event_id})

    @contextmanager
    def stage(
        self, name: str, ids: Iterable[EventId], *, since: int | None = None
    ) -> Iterator[Stage]:
        """Record a stage of a batch: a span for each event, with the times of the block.

        Args:
            name: the name of the stage.
            ids: the events of the batch.
            since: when it began, in nanoseconds since 1970. None: now.
        """
        of_batch = list(ids)
        since = since or time.time_ns()
        stage = Stage()
        try:
            yield stage
        except FanoutError as error:
            stage.fail(of_batch, type(error).__name__)
            raise
        finally:
            self._record(name, of_batch, since, stage)

    def _record(self, name: str, ids: Sequence[EventId], since: int, stage: Stage) -> None:
        now = time.time_ns()
        for event_id in ids:
            in_flight = self._events.get(event_id)
            if in_flight is None:
                continue
            about: Attributes = {EVENT_ID: event_id, BATCH_SIZE: len(ids)}
            if event_id in stage.errors:
                self._write(name, in_flight, since, now, about | stage.errors[event_id])
                continue
            if event_id in stage.outcomes:
                about[OUTCOME] = stage.outcomes[event_id]
            self._write(name, in_flight, since, now, about)

    def portions(
        self, name: str, ids: Iterable[EventId], portions: Iterator[ItemT], *, of: Of[ItemT]
    ) -> Iterator[ItemT]:
        """Record a stage that ends in portions. The time between two portions is not its own.

        Args:
            name: the name of the stage.
            ids: the events of the batch.
            portions: the portions.
            of: returns the events and the dead letters of a portion.
        """
        waiting = dict.fromkeys(ids)
        while True:
            since = time.time_ns()
            try:
                portion = next(portions, None)
            except FanoutError as error:
                with self.stage(name, waiting, since=since) as stage:
                    stage.fail(waiting, type(error).__name__)
                raise
            if portion is None:
                return
            done, letters = of(portion)
            finished = [*done, *named(letters)]
            with self.stage(name, finished, since=since) as stage:
                stage.bury(letters)
            for event_id in finished:
                waiting.pop(event_id, None)
            yield portion

    def end(
        self,
        event_id: EventId,
        event_type: str | None,
        outcome: str,
        error: Attributes | None = None,
    ) -> None:
        """Write the span that ends with the event: the root, or that of a replay."""
        in_flight = self._events.pop(event_id, None)
        if in_flight is None:
            return
        about: Attributes = {EVENT_ID: event_id, OUTCOME: outcome}
        if event_type is not None:
            about[EVENT_TYPE] = event_type
        if error is not None:
            about |= error
        ids, span, start, end = in_flight.ids, in_flight.span, in_flight.started, time.time_ns()
        if span == ids.root:
            self._spans.write_root(
                ROOT,
                ids.trace,
                span,
                start=start,
                end=end,
                attributes=about,
                failed=error is not None,
            )
            return
        root = self._spans.below(ids.trace, ids.root)
        self._spans.write(
            REPLAY,
            root,
            span=span,
            start=start,
            end=end,
            attributes=about,
            failed=error is not None,
        )

    def leave(self, event_id: EventId) -> None:
        """Forget an event that does not end here, or ended before."""
        self._events.pop(event_id, None)

    def _write(
        self, name: str, event: _InFlight, start: int, end: int, attributes: Attributes
    ) -> None:
        self._spans.write(
            name,
            event.below,
            start=start,
            end=max(start, end),
            attributes=attributes,
            failed=ERROR in attributes,
        )
