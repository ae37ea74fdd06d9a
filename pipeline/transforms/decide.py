"""Decide: batches of events of one type in; what they lead to out."""

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
from pipeline.steps.decide import MOST_RECIPIENTS, RECIPIENTS_IN_TURN, leave_batch_unrouted
from pipeline.steps.hold_back import decide_what_may_go_on

Leave = beam.PTransform[beam.PCollection[list[Unrouted]], beam.PCollection[Decided]]


class Decide(
    beam.PTransform[beam.PCollection[list[Event[PayloadT]]], beam.PCollection[Decided]],
    Generic[PayloadT],
):
    """Decide batches of events with a handler; takes events of the handler's type only.

    Args:
        settings: the database.
        handler: of the events' type.
        policy: what holds for every type.
        one_page: see to a page of each event that has several, and leave it to others to go on.
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
        # The annotation below holds for the batches of any type; these are of one.
        self.with_input_types(self._batches)  # type: ignore[no-untyped-call]
        self._fn = partial(
            decide_what_may_go_on,
            settings,
            handler,
            policy=policy,
            page_size=RECIPIENTS_IN_TURN if one_page else MOST_RECIPIENTS,
            one_page=one_page,
        )

    def expand(self, batches: beam.PCollection[list[Event[PayloadT]]]) -> beam.PCollection[Decided]:
        """One step."""
        handle = beam.FlatMap(self._fn).with_input_types(self._batches)
        return batches | "Handle" >> handle.with_output_types(Decided)


def leave_unrouted() -> Leave:
    """Record batches of events whose types no handler knows."""
    return beam.Map(leave_batch_unrouted)
