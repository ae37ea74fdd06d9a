"""RouteByType: batches of events in; one output for each event type."""

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
    """Send every event to the output that is named after its type.

    Args:
        payloads: the payload model of every type that has a handler.
        batch_size: the maximum number of events in a batch.
    """

    def __init__(self, payloads: Payloads, batch_size: int) -> None:
        super().__init__()
        self._payloads = dict(sorted(payloads.items()))
        self._batch_size = batch_size

    def expand(self, batches: beam.PCollection[list[Event[Payload]]]) -> Outputs:
        """Add one step. Its outputs contain batches of events with the payload of their type."""
        types = {name: coders.batches_of(model) for name, model in self._payloads.items()}
        # Beam requires a type for the main output, which this step does not use.
        tag = beam.ParDo(_Tag(self._batch_size)).with_output_types(list[Event[Payload]], **types)
        return batches | "Tag" >> tag.with_outputs(*types)


class _Tag(beam.DoFn):
    def __init__(self, batch_size: int) -> None:
        self._batch_size = batch_size

    def process(self, batch: list[Event[Payload]]) -> Iterable[Routed]:
        for event_type, events in by_type(batch).items():
            for portion in portions(events, self._batch_size):
                yield TaggedOutput(event_type, portion)
