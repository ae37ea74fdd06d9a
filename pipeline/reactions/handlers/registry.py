"""Makes the table that maps an event type to its handler."""

from collections.abc import Iterable, Mapping
from typing import Any

from pipeline.domain.identifiers import EventType
from pipeline.domain.register import register
from pipeline.reactions.handler import ReactionHandler


def reaction_handlers(
    handlers: Iterable[ReactionHandler[Any]],
) -> Mapping[EventType, ReactionHandler[Any]]:
    """Make the read-only table.

    Raises:
        ValueError: two handlers have the same event type.
    """
    return register(handlers, _type_of)


def _type_of(handler: ReactionHandler[Any]) -> EventType:
    return handler.event_type
