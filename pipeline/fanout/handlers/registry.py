"""The table that maps an event type to its handler."""

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Any

from pipeline.domain.identifiers import EventType
from pipeline.fanout.handler import Handler


def register(handlers: Iterable[Handler[Any]]) -> Mapping[EventType, Handler[Any]]:
    """Make the table; it cannot be changed afterwards.

    Raises:
        ValueError: two handlers claim one event type.
    """
    table: dict[EventType, Handler[Any]] = {}
    for handler in handlers:
        other = table.setdefault(handler.event_type, handler)
        if other is not handler:
            claimants = f"{type(other).__name__} and {type(handler).__name__}"
            raise ValueError(f"{handler.event_type} is claimed twice: by {claimants}")
    return MappingProxyType(table)
