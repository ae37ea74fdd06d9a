"""Route: decoded batches in; for every event type, for the rest and for letters, an output each."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, TypeVar

import apache_beam as beam
from apache_beam.pvalue import TaggedOutput

from pipeline.domain.dead_letter import DeadLetter
from pipeline.domain.identifiers import EventType
from pipeline.fanout.batches import Decoded
from pipeline.fanout.events import Event, Unrouted
from pipeline.transforms.tags import DEAD, UNROUTED, Outputs

ItemT = TypeVar("ItemT")


def by_type(decoded: Decoded) -> dict[EventType, list[Event[Any]]]:
    """The events of each type, in their order."""
    types: defaultdict[EventType, list[Event[Any]]] = defaultdict(list)
    for event in decoded.events:
        types[event.type].append(event)
    return dict(types)


class RouteByType(beam.PTransform[beam.PCollection[Decoded], Outputs]):
    """Give every event type a branch of its own.

    Outputs are named after the types; the others are ``dead`` and, the main one, ``unrouted``.

    Args:
        event_types: those with a handler.
        batch_size: the most events in a batch.
    """

    def __init__(self, event_types: Iterable[EventType], batch_size: int) -> None:
        super().__init__()
        self._event_types = sorted(event_types)
        self._batch_size = batch_size

    def expand(self, decoded: beam.PCollection[Decoded]) -> Outputs:
        """One step."""
        # Every output named here has a type, and hence a coder, of its own.
        tag = beam.ParDo(_Tag(self._batch_size)).with_output_types(
            list[Unrouted],
            dead=list[DeadLetter],
            **dict.fromkeys(self._event_types, list[Event[Any]]),
        )
        return decoded | "Tag" >> tag.with_outputs(*self._event_types, DEAD, main=UNROUTED)


class _Tag(beam.DoFn):
    def __init__(self, batch_size: int) -> None:
        self._batch_size = batch_size

    def process(self, decoded: Decoded) -> Iterable[Any]:
        for event_type, events in by_type(decoded).items():
            for batch in self._batches(events):
                yield TaggedOutput(event_type, batch)
        yield from self._batches(decoded.unrouted)
        for letters in self._batches(decoded.letters):
            yield TaggedOutput(DEAD, letters)

    def _batches(self, items: Sequence[ItemT]) -> Iterator[list[ItemT]]:
        for start in range(0, len(items), self._batch_size):
            yield list(items[start : start + self._batch_size])
