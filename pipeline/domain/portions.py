"""Splits items into portions, limited by their number or by their total weight."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TypeVar

ItemT = TypeVar("ItemT")


def portions(items: Sequence[ItemT], size: int) -> Iterator[list[ItemT]]:
    """Yield the items in their order, at most ``size`` at a time. Without items, yield nothing."""
    for start in range(0, len(items), size):
        yield list(items[start : start + size])


def portions_by_weight(
    items: Iterable[ItemT], weigh: Callable[[ItemT], float], most: float
) -> Iterator[list[ItemT]]:
    """Yield the items in their order, in portions that weigh at most ``most``.

    An item that weighs more is a portion of its own.
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
