"""Makes the table that maps an event type to its handler; which orders the handlers ask for."""

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
        ValueError: two handlers have the same event type, or the order that one asks for is
            invalid.
    """
    table = register(handlers, _type_of)
    for name, handler in table.items():
        key = handler.one_at_a_time
        if key is not None and handler.in_order:
            raise ValueError(f"{name} asks for in_order and one_at_a_time: choose one of them")
        if key is not None and key not in handler.payload.keys():  # noqa: SIM118 - a method
            raise ValueError(f"invalid one_at_a_time {key!r} of {name}: expected a payload key")
    return table


def types_in_order(handlers: Mapping[EventType, ReactionHandler[Any]]) -> list[EventType]:
    """Return the types whose events are processed in the order of their aggregate."""
    return sorted(name for name, handler in handlers.items() if handler.in_order)


def types_one_at_a_time(
    handlers: Mapping[EventType, ReactionHandler[Any]],
) -> Mapping[EventType, str]:
    """Return the key of the payload by which events are processed one at a time, by their type."""
    keys = {name: handler.one_at_a_time for name, handler in handlers.items()}
    return {name: key for name, key in keys.items() if key is not None}


def _type_of(handler: ReactionHandler[Any]) -> EventType:
    return handler.event_type
