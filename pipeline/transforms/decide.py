"""Decide: batches of events of one type in; their outcomes and dead letters out."""

from functools import partial
from typing import Generic

import apache_beam as beam

from pipeline import coders
from pipeline.domain.payload import PayloadT
from pipeline.fanout.batches import Decided
from pipeline.fanout.decide import Policy
from pipeline.fanout.events import Event, Unrouted
from pipeline.fanout.handler import Handler
from pipeline.settings import DatabaseSettings
from pipeline.steps.decide import PAGE_SIZE, SHORT_PAGE_SIZE, leave_batch_unrouted
from pipeline.steps.hold_back import decide_or_hold_back

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
    """

    def __init__(
        self,
        settings: DatabaseSettings,
        handler: Handler[PayloadT],
        policy: Policy,
        *,
        one_page: bool = False,
    ) -> None:
        super().__init__()
        self._batches = coders.batches_of(handler.payload)
        # The annotation of ``expand`` allows batches of any type. These are of one type.
        self.with_input_types(self._batches)  # type: ignore[no-untyped-call]
        self._fn = partial(
            decide_or_hold_back,
            settings,
            handler,
            policy=policy,
            page_size=SHORT_PAGE_SIZE if one_page else PAGE_SIZE,
            one_page=one_page,
        )

    def expand(self, batches: beam.PCollection[list[Event[PayloadT]]]) -> beam.PCollection[Decided]:
        """Add one step."""
        handle = beam.FlatMap(self._fn).with_input_types(self._batches)
        return batches | "Handle" >> handle.with_output_types(Decided)


def leave_unrouted() -> Leave:
    """Return the step that makes the outcomes of events whose types have no handler."""
    return beam.Map(leave_batch_unrouted)
