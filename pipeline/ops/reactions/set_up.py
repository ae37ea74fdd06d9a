"""How events of reactions are processed: what whoever asks for it is told."""

from typing import Final

from pipeline.domain.defaults import BATCH_SIZE
from pipeline.reactions.handlers import REACTION_HANDLERS
from pipeline.steps.reactions.reactor import MOST_TRIES

# How many events are claimed at once, how often one is tried, and the types that have a handler.
CLAIMED_AT_ONCE: Final = BATCH_SIZE
TRIES: Final = MOST_TRIES
HANDLED_TYPES: Final = tuple(sorted(REACTION_HANDLERS))
