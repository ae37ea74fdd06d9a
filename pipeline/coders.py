"""How elements are written down where a runner takes them out of memory, and how large they count.

Importing this module registers the coder; who declares such elements imports it. Between two stages
of a job on Dataflow only standard coders are used (see ``sources/native.py``), so that what waits
there can be read after an update. All other elements stay inside one fused stage and are only
measured. Beam measures by encoding unless a coder knows better, and pickling batches took a fourth
of the time of the local runner.
"""

import pickle
from typing import Any, Final

import apache_beam as beam

from pipeline.domain.dead_letter import DeadLetter
from pipeline.domain.payload import Payload
from pipeline.domain.wake_up import WakeUp
from pipeline.fanout.batches import Decided, Fetched
from pipeline.fanout.events import Event, Unrouted

# What an item comes to whose texts are not counted: its ids and times.
ITEM_BYTES: Final = 64


class CarriedCoder(beam.coders.Coder):
    """What is made within one stage; pickled if it must be written down."""

    def encode(self, value: Any) -> bytes:  # noqa: ANN401 - any of the types below
        """For within one version of the code: nothing of this waits between stages."""
        return pickle.dumps(value)

    def decode(self, encoded: bytes) -> Any:  # noqa: ANN401
        """The element again."""
        return pickle.loads(encoded)  # noqa: S301 - written by ``encode`` in the same job

    def estimate_size(self, value: Any) -> int:  # noqa: ANN401
        """Its bytes, about."""
        match value:
            case Fetched():
                payloads = sum(row.payload_bytes for row in value.rows)
                return payloads + ITEM_BYTES * (len(value.rows) + len(value.letters))
            case Decided():
                rows = sum(len(each.effects) + len(each.skips) for each in value.outcomes)
                return ITEM_BYTES * (len(value.outcomes) + rows + len(value.letters))
            case _:
                return ITEM_BYTES

    def is_deterministic(self) -> bool:
        """Nothing is grouped by such an element."""
        return False


def batches_of(payload: type[Payload]) -> Any:  # noqa: ANN401 - a type hint has no type
    """The element type of batches of events with this payload; its coder is registered."""
    event = Event[payload]  # type: ignore[valid-type]
    beam.coders.registry.register_coder(event, CarriedCoder)
    return list[event]


for _carried in (Decided, DeadLetter, Event[Payload], Fetched, Unrouted, WakeUp):
    beam.coders.registry.register_coder(_carried, CarriedCoder)
