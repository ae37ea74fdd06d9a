"""Decode: rows in; events and unrouted events out, and dead letters for what is neither."""

from collections.abc import Sequence
from typing import Any, Final

import apache_beam as beam

from pipeline.domain.dead_letter import DeadLetter
from pipeline.domain.errors import PermanentError
from pipeline.fanout.batches import Decoded, Fetched
from pipeline.fanout.events import Event, Unrouted
from pipeline.fanout.row import Payloads, Row, decode

STAGE: Final = "decode"


def decode_batch(rows: Sequence[Row], payloads: Payloads) -> Decoded:
    """What rows are; a malformed one is a dead letter and costs its neighbours nothing."""
    events: list[Event[Any]] = []
    unrouted: list[Unrouted] = []
    letters: list[DeadLetter] = []
    for row in rows:
        try:
            decoded = decode(row, payloads)
        except PermanentError as error:
            letters.append(DeadLetter.of_event(row.id, row.type, STAGE, error))
            continue
        if isinstance(decoded, Unrouted):
            unrouted.append(decoded)
        else:
            events.append(decoded)
    return Decoded(events, unrouted, letters)


class Decode(beam.PTransform[beam.PCollection[Fetched], beam.PCollection[Decoded]]):
    """Decode every row of a batch; letters are handed on."""

    def __init__(self, payloads: Payloads) -> None:
        super().__init__()
        self._fn = _Decode(payloads)

    def expand(self, fetched: beam.PCollection[Fetched]) -> beam.PCollection[Decoded]:
        """One step."""
        return fetched | "Parse" >> beam.Map(self._fn)


class _Decode:
    def __init__(self, payloads: Payloads) -> None:
        self._payloads = dict(payloads)

    def __call__(self, fetched: Fetched) -> Decoded:
        decoded = decode_batch(fetched.rows, self._payloads)
        return Decoded(decoded.events, decoded.unrouted, [*fetched.letters, *decoded.letters])
