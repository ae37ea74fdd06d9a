"""Registers: things in, a read-only table of them by name out."""

from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType
from typing import TypeVar

NameT = TypeVar("NameT", bound=str)
ThingT = TypeVar("ThingT")


def register(
    things: Iterable[ThingT], name_of: Callable[[ThingT], NameT]
) -> Mapping[NameT, ThingT]:
    """Make the table.

    Args:
        things: handlers, jobs, templates, providers.
        name_of: returns the name of a thing.

    Raises:
        ValueError: two things have one name.
    """
    table: dict[NameT, ThingT] = {}
    for thing in things:
        name = name_of(thing)
        other = table.setdefault(name, thing)
        if other is not thing:
            users = f"{type(other).__name__} and {type(thing).__name__}"
            raise ValueError(f"{name} is used twice, by {users}: rename one of them")
    return MappingProxyType(table)
