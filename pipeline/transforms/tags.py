"""The names of side outputs, and the type of a step that has several."""

from typing import Any, Final

DEAD: Final = "dead"
UNROUTED: Final = "unrouted"

# Beam takes no annotation for a step with several outputs.
Outputs = Any
