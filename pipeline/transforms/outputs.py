"""The names of outputs, and the types of steps that have several."""

from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from apache_beam.pvalue import DoOutputsTuple, TaggedOutput

    from pipeline.domain.payload import Payload
    from pipeline.fanout.events import Event

    Outputs = DoOutputsTuple
    Routed = TaggedOutput[str, list[Event[Payload]]]
else:
    # Beam 2.77 takes neither in an annotation: a step's outputs are no PCollection, and the name of
    # an output has to be a literal. Each output has an element type of its own all the same.
    Outputs = Routed = Any

EVENTS: Final = "events"
UNROUTED: Final = "unrouted"
DEAD: Final = "dead"
