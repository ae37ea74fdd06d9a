"""Decode: fetched rows in; events, unrouted events and dead letters out, each on its own output."""

from collections.abc import Iterable
from functools import partial
from typing import Literal

import apache_beam as beam
from apache_beam.pvalue import TaggedOutput

from pipeline import coders  # noqa: F401 - registers the coders
from pipeline.domain.dead_letter import DeadLetter
from pipeline.domain.payload import Payload
from pipeline.domain.portions import portions
from pipeline.fanout.batches import Fetched
from pipeline.fanout.events import Event, Unrouted
from pipeline.fanout.row import Payloads
from pipeline.settings.traces import TraceSettings
from pipeline.steps.decode import STAGE, decode_batch
from pipeline.steps.traces.current import traced
from pipeline.transforms.outputs import DEAD, EVENTS, UNROUTED, Outputs

Unhandled = TaggedOutput[Literal["unrouted"], list[Unrouted]]
Dead = TaggedOutput[Literal["dead"], list[DeadLetter]]


class Decode(beam.PTransform[beam.PCollection[Fetched], Outputs]):
    """Decode every row of a batch.

    The outputs are ``events``, the main output; ``unrouted``, the events whose type has no handler;
    and ``dead``, the dead letters of this step and those that came with the rows.

    Args:
        payloads: the payload model of every type that has a handler.
        batch_size: the maximum size of a batch of unrouted events or of dead letters.
        traces: where the traces of events go. None: nowhere.
    """

    def __init__(
        self, payloads: Payloads, batch_size: int, traces: TraceSettings | None = None
    ) -> None:
        super().__init__()
        self._fn = _Parse(payloads, batch_size, traces)

    def expand(self, fetched: beam.PCollection[Fetched]) -> Outputs:
        """Add one step."""
        return fetched | "Parse" >> beam.ParDo(self._fn).with_outputs(UNROUTED, DEAD, main=EVENTS)


class _Parse(beam.DoFn):
    def __init__(self, payloads: Payloads, batch_size: int, traces: TraceSettings | None) -> None:
        self._payloads = dict(payloads)
        self._batch_size = batch_size
        self._traces = traces

    def process(self, fetched: Fetched) -> Iterable[list[Event[Payload]] | Unhandled | Dead]:
        ids = (row.id for row in fetched.rows)
        work = partial(decode_batch, fetched.rows, self._payloads)
        decoded = traced(self._traces, STAGE, ids, work)
        if decoded.events:
            yield list(decoded.events)
        for unrouted in portions(decoded.unrouted, self._batch_size):
            yield Unhandled(UNROUTED, unrouted)
        for letters in portions([*fetched.letters, *decoded.letters], self._batch_size):
            yield Dead(DEAD, letters)
