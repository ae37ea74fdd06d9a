"""Decide: batches of events of one type in; their outcomes and dead letters out."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from typing import Generic

import apache_beam as beam

from pipeline import coders
from pipeline.domain.dead_letter import DeadLetter
from pipeline.domain.identifiers import EventId
from pipeline.domain.payload import PayloadT
from pipeline.fanout.batches import Decided
from pipeline.fanout.decide import Policy
from pipeline.fanout.events import Event, Unrouted
from pipeline.fanout.handler import Handler
from pipeline.settings import DatabaseSettings
from pipeline.settings.traces import TraceSettings
from pipeline.steps.decide import PAGE_SIZE, SHORT_PAGE_SIZE, STAGE, leave_batch_unrouted
from pipeline.steps.hold_back import decide_or_hold_back
from pipeline.steps.traces.current import traced_portions

Leave = beam.PTransform[beam.PCollection[list[Unrouted]], beam.PCollection[Decided]]


class Decide(
    beam.PTransform[beam.PCollection[list[Event[PayloadT]]], beam.PCollection[Decided]],
    Generic[PayloadT],
):
    """Decide batches of events with a handler. All events must be of the handler's type.

    Args:
        settings: the database.
        handler: the handler of the event type.
        policy: the rules for all event types.
        one_page: decide only one page of an event with many recipients. A retry of the event
            decides the next page.
        traces: where the traces of events go. None: nowhere.
    """

    def __init__(
        self,
        settings: DatabaseSettings,
        handler: Handler[PayloadT],
        policy: Policy,
        *,
        one_page: bool = False,
        traces: TraceSettings | None = None,
    ) -> None:
        super().__init__()
        self._batches = coders.batches_of(handler.payload)
        # The annotation of ``expand`` allows batches of any type. These are of one type.
        self.with_input_types(self._batches)  # type: ignore[no-untyped-call]
        decide = partial(
            decide_or_hold_back,
            settings,
            handler,
            policy=policy,
            page_size=SHORT_PAGE_SIZE if one_page else PAGE_SIZE,
            one_page=one_page,
        )
        self._fn = decide if traces is None else partial(_traced, traces, decide)

    def expand(self, batches: beam.PCollection[list[Event[PayloadT]]]) -> beam.PCollection[Decided]:
        """Add one step."""
        handle = beam.FlatMap(self._fn).with_input_types(self._batches)
        return batches | "Handle" >> handle.with_output_types(Decided)


def _traced(
    traces: TraceSettings,
    decide: Callable[[Sequence[Event[PayloadT]]], Iterator[Decided]],
    events: Sequence[Event[PayloadT]],
) -> Iterator[Decided]:
    ids = (event.id for event in events)
    return traced_portions(traces, STAGE, ids, decide(events), _of_decided)


def _of_decided(decided: Decided) -> tuple[Iterable[EventId], Sequence[DeadLetter]]:
    return (each.event_id for each in decided.outcomes), decided.letters


def leave_unrouted() -> Leave:
    """Return the step that makes the outcomes of events whose types have no handler."""
    return beam.Map(leave_batch_unrouted)
