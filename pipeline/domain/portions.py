"""Portions of a sequence: so many items at a time, or as many as weigh so much."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TypeVar

ItemT = TypeVar("ItemT")


def portions(items: Sequence[ItemT], size: int) -> Iterator[list[ItemT]]:
    """The items in their order, at most ``size`` at a time; nothing for no items."""
    for start in range(0, len(items), size):
        yield list(items[start : start + size])


def portions_by_weight(
    items: Iterable[ItemT], weigh: Callable[[ItemT], float], most: float
) -> Iterator[list[ItemT]]:
    """The items in their order, as many at a time as weigh at most ``most`` together.

    One that weighs more stands alone.
    """
    portion: list[ItemT] = []
    total = 0.0
    for item in items:
        weight = weigh(item)
        if portion and total + weight > most:
            yield portion
            portion, total = [], 0.0
        portion.append(item)
        total += weight
    if portion:
        yield portion
