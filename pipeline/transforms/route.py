"""RouteByType: batches of events in; for every event type an output of its own."""

from collections.abc import Iterable

import apache_beam as beam
from apache_beam.pvalue import TaggedOutput

from pipeline import coders
from pipeline.domain.payload import Payload
from pipeline.domain.portions import portions
from pipeline.fanout.events import Event
from pipeline.fanout.row import Payloads
from pipeline.steps.route import by_type
from pipeline.transforms.outputs import Outputs, Routed


class RouteByType(beam.PTransform[beam.PCollection[list[Event[Payload]]], Outputs]):
    """Give every event type a branch of its own; outputs are named after the types.

    Args:
        payloads: the payload model of every type that has a handler.
        batch_size: the most events in a batch.
    """

    def __init__(self, payloads: Payloads, batch_size: int) -> None:
        super().__init__()
        self._payloads = dict(sorted(payloads.items()))
        self._batch_size = batch_size

    def expand(self, batches: beam.PCollection[list[Event[Payload]]]) -> Outputs:
        """One step; the elements of an output are batches of events with that type's payload."""
        types = {name: coders.batches_of(model) for name, model in self._payloads.items()}
        # Beam asks for the type of a main output; this step has none.
        tag = beam.ParDo(_Tag(self._batch_size)).with_output_types(list[Event[Payload]], **types)
        return batches | "Tag" >> tag.with_outputs(*types)


class _Tag(beam.DoFn):
    def __init__(self, batch_size: int) -> None:
        self._batch_size = batch_size

    def process(self, batch: list[Event[Payload]]) -> Iterable[Routed]:
        for event_type, events in by_type(batch).items():
            for portion in portions(events, self._batch_size):
                yield TaggedOutput(event_type, portion)
