"""How elements are written down where a runner takes them out of memory, and how large they count.

Importing this module registers the coders. A ``Message`` is written as Pub/Sub writes it, so that
what waits between two stages can be read after an update of the job. All other elements stay inside
one fused stage and are only measured: Beam measures by encoding unless a coder knows better, and
pickling whole batches took a fourth of the time of the local runner.
"""

import pickle
from typing import Any, Final

import apache_beam as beam
from google.pubsub_v1.types import PubsubMessage

from pipeline.domain.dead_letter import DeadLetter
from pipeline.domain.events import Event, Unrouted
from pipeline.domain.message import Message
from pipeline.domain.outcome import Outcome

_PubsubProto: Final = PubsubMessage.pb()


class MessageCoder(beam.coders.Coder):
    """A message as the bytes of ``google.pubsub.v1.PubsubMessage``."""

    def encode(self, value: Message) -> bytes:
        """The protocol buffer of data and attributes."""
        written: bytes = _PubsubProto(
            data=value.data, attributes=value.attributes
        ).SerializeToString()
        return written

    def decode(self, encoded: bytes) -> Message:
        """The message again."""
        read = _PubsubProto.FromString(encoded)
        return Message(read.data, dict(read.attributes))

    def estimate_size(self, value: Message) -> int:
        """The bytes of its data, which is nearly all of it."""
        return len(value.data)

    def is_deterministic(self) -> bool:
        """The order of attributes is left open."""
        return False

    def to_type_hint(self) -> type:
        """What it encodes."""
        return Message


class CarriedCoder(beam.coders.Coder):
    """What is made of one message and carries it along; pickled if it must be written down."""

    def encode(self, value: Any) -> bytes:  # noqa: ANN401 - Event, Unrouted, Outcome or DeadLetter
        """For within one version of the code: nothing of this waits between stages."""
        return pickle.dumps(value)

    def decode(self, encoded: bytes) -> Any:  # noqa: ANN401
        """The element again."""
        return pickle.loads(encoded)  # noqa: S301 - written by ``encode`` in the same job

    def estimate_size(self, value: Any) -> int:  # noqa: ANN401
        """The bytes of the message it came from."""
        return len(value.message.data)

    def is_deterministic(self) -> bool:
        """Nothing is grouped by such an element."""
        return False


beam.coders.registry.register_coder(Message, MessageCoder)
for _carrier in (DeadLetter, Event[Any], Outcome, Unrouted):
    beam.coders.registry.register_coder(_carrier, CarriedCoder)
