"""A table of contents: things in, a table by their names out that nothing can change."""

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
        name_of: the name by which one is found.

    Raises:
        ValueError: two things claim one name.
    """
    table: dict[NameT, ThingT] = {}
    for thing in things:
        name = name_of(thing)
        other = table.setdefault(name, thing)
        if other is not thing:
            claimants = f"{type(other).__name__} and {type(thing).__name__}"
            raise ValueError(f"{name} is claimed twice: by {claimants}")
    return MappingProxyType(table)
