"""Route: events in; one output per event type that has a handler, and one for the rest."""

from collections.abc import Iterable
from typing import Any

import apache_beam as beam
from apache_beam.pvalue import TaggedOutput

from pipeline.domain.events import Event, Unrouted
from pipeline.domain.identifiers import EventType
from pipeline.transforms.tags import UNROUTED, Outputs, Tagged

Events = beam.PCollection[Event[Any] | Unrouted]


class RouteByType(beam.PTransform[Events, Outputs]):
    """Give every event type a branch of its own; outputs are named after the types."""

    def __init__(self, event_types: Iterable[EventType]) -> None:
        super().__init__()
        self._event_types = sorted(event_types)

    def expand(self, events: Events) -> Outputs:
        """One step with an output per type, and ``unrouted``."""
        # Every output named here has a type, and hence a coder, of its own.
        tag = beam.Map(_tag).with_output_types(
            Unrouted, **dict.fromkeys(self._event_types, Event[Any])
        )
        return events | "Tag" >> tag.with_outputs(*self._event_types, main=UNROUTED)


def _tag(event: Event[Any] | Unrouted) -> Tagged:
    return event if isinstance(event, Unrouted) else TaggedOutput(event.type, event)
