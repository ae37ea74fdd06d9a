"""Makes the table that maps an event type to its handler."""

from collections.abc import Iterable, Mapping
from typing import Any

from pipeline.domain.identifiers import EventType
from pipeline.domain.register import register as table_of
from pipeline.fanout.handler import Handler


def register(handlers: Iterable[Handler[Any]]) -> Mapping[EventType, Handler[Any]]:
    """Make the read-only table.

    Raises:
        ValueError: two handlers have the same event type.
    """
    return table_of(handlers, _event_type)


def _event_type(handler: Handler[Any]) -> EventType:
    return handler.event_type
