"""Decode a batch: rows in; events, unrouted events, and dead letters of malformed rows out."""

from collections.abc import Sequence
from typing import Final

from pipeline.domain.dead_letter import DeadLetter
from pipeline.domain.errors import PermanentError
from pipeline.domain.payload import Payload
from pipeline.fanout.batches import Decoded
from pipeline.fanout.events import Event, Unrouted
from pipeline.fanout.row import Payloads, Row, decode

STAGE: Final = "decode"


def decode_batch(rows: Sequence[Row], payloads: Payloads) -> Decoded:
    """Decode rows. A malformed row becomes a dead letter and does not affect the other rows."""
    events: list[Event[Payload]] = []
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
