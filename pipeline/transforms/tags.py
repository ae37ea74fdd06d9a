"""The names of side outputs, and the type of a step that has several."""

from typing import Any, Final

DEAD: Final = "dead"
EVENTS: Final = "events"
OUTCOMES: Final = "outcomes"
UNROUTED: Final = "unrouted"

# Beam takes no annotation for a step with several outputs, nor for an element sent to one by name.
Outputs = Any
Tagged = Any
