"""How to encode the elements of the graph, and how to estimate their size.

Importing this module registers the coder; import it where you declare such elements. Between two
stages of a job on Dataflow only standard coders are used (see ``sources/native.py``), so that a
newer version of the job can read the elements that wait there. All other elements stay inside one
fused stage, and Beam only estimates their size. Without ``estimate_size`` Beam encodes an element
to get its size: pickling batches took a fourth of the time of the local runner.
"""

import pickle
from typing import Any, Final

import apache_beam as beam

from pipeline.domain.dead_letter import DeadLetter
from pipeline.domain.payload import Payload
from pipeline.domain.wake_up import WakeUp
from pipeline.fanout.batches import Decided, Fetched
from pipeline.fanout.events import Event, Unrouted
from pipeline.jobs.tick import Tick

# The size of an item without its texts: its ids and times.
ITEM_BYTES: Final = 64


class CarriedCoder(beam.coders.Coder):
    """Coder of elements that stay within one stage. It pickles them if it must."""

    def encode(self, value: Any) -> bytes:  # noqa: ANN401 - any of the types below
        """Pickle an element. Only the same version of the code can decode it."""
        return pickle.dumps(value)

    def decode(self, encoded: bytes) -> Any:  # noqa: ANN401
        """Unpickle an element."""
        return pickle.loads(encoded)  # noqa: S301 - written by ``encode`` in the same job

    def estimate_size(self, value: Any) -> int:  # noqa: ANN401
        """Return the approximate size in bytes."""
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
        """Return False: no step groups by such an element."""
        return False


def batches_of(payload: type[Payload]) -> Any:  # noqa: ANN401 - a type hint has no type
    """Return the element type of batches of events with this payload, and register its coder."""
    event = Event[payload]  # type: ignore[valid-type]
    beam.coders.registry.register_coder(event, CarriedCoder)
    return list[event]


for _carried in (Decided, DeadLetter, Event[Payload], Fetched, Tick, Unrouted, WakeUp):
    beam.coders.registry.register_coder(_carried, CarriedCoder)
