"""The names of outputs, and the types of steps with several outputs."""

from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from apache_beam.pvalue import DoOutputsTuple, TaggedOutput

    from pipeline.domain.payload import Payload
    from pipeline.fanout.events import Event
    from pipeline.steps.reactions.batches import DecodedReactions

    Outputs = DoOutputsTuple
    Routed = TaggedOutput[str, list[Event[Payload]]]
    RoutedReactions = TaggedOutput[str, DecodedReactions]
else:
    # Beam 2.77 accepts neither in an annotation: several outputs are not a PCollection, and the
    # name of an output must be a literal. Each output still has its own element type.
    Outputs = Routed = RoutedReactions = Any

EVENTS: Final = "events"
UNROUTED: Final = "unrouted"
DEAD: Final = "dead"
UNDECODED: Final = "undecoded"
