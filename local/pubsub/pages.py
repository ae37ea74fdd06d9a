"""Pagination of the list methods: the page token is the name the next page starts at."""

from collections.abc import Callable, Sequence
from typing import TypeVar

ItemT = TypeVar("ItemT")


def page(
    items: Sequence[ItemT], name: Callable[[ItemT], str], *, size: int, token: str
) -> tuple[list[ItemT], str]:
    """Cut one page out of items sorted by name.

    Args:
        items: all of them, sorted by ``name``.
        name: the name of an item.
        size: how many fit on a page; 0 means all.
        token: what came with the page before; empty for the first.

    Returns:
        The page, and the token of the next one, empty after the last.
    """
    rest = [item for item in items if name(item) >= token]
    if size <= 0 or size >= len(rest):
        return rest, ""
    return rest[:size], name(rest[size])
