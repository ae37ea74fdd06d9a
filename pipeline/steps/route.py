"""Route a batch: events of any types in; the events of each type out."""

from collections import defaultdict
from collections.abc import Iterable

from pipeline.domain.identifiers import EventType
from pipeline.domain.payload import Payload
from pipeline.fanout.events import Event


def by_type(events: Iterable[Event[Payload]]) -> dict[EventType, list[Event[Payload]]]:
    """Group events by type. Each group keeps their order."""
    types: defaultdict[EventType, list[Event[Payload]]] = defaultdict(list)
    for event in events:
        types[event.type].append(event)
    return dict(types)
