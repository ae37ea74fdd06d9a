"""Decode: messages in; events and unrouted events out, and dead letters for what is neither."""

from collections.abc import Iterable, Mapping
from typing import Any, Final

import apache_beam as beam
from apache_beam.pvalue import TaggedOutput

from pipeline.domain.dead_letter import DeadLetter
from pipeline.domain.errors import MalformedMessage
from pipeline.domain.events import Event, Payload, Unrouted
from pipeline.domain.identifiers import EventType
from pipeline.domain.message import Message
from pipeline.domain.wire import decode
from pipeline.transforms.tags import DEAD, EVENTS, Outputs

STAGE: Final = "decode"

Payloads = Mapping[EventType, type[Payload]]


def decode_or_bury(message: Message, payloads: Payloads) -> Event[Any] | Unrouted | DeadLetter:
    """What a message is; a malformed one is a dead letter."""
    try:
        return decode(message, payloads)
    except MalformedMessage as error:
        return DeadLetter.of(message, STAGE, error)


class Decode(beam.PTransform[beam.PCollection[Message], Outputs]):
    """Decode every message; outputs ``events`` and ``dead``."""

    def __init__(self, payloads: Payloads) -> None:
        super().__init__()
        self._payloads = dict(payloads)

    def expand(self, messages: beam.PCollection[Message]) -> Outputs:
        """One step with two outputs."""
        parse = beam.ParDo(_Decode(self._payloads)).with_output_types(Any, dead=DeadLetter)
        return messages | "Parse" >> parse.with_outputs(DEAD, main=EVENTS)


class _Decode(beam.DoFn):
    def __init__(self, payloads: Payloads) -> None:
        self._payloads = payloads

    def process(self, message: Message) -> Iterable[Any]:
        decoded = decode_or_bury(message, self._payloads)
        if isinstance(decoded, DeadLetter):
            yield TaggedOutput(DEAD, decoded)
        else:
            yield decoded
