"""Pagination of the list methods: the page token is the first name of the next page."""

from collections.abc import Callable, Sequence
from typing import TypeVar

ItemT = TypeVar("ItemT")


def page(
    items: Sequence[ItemT], name: Callable[[ItemT], str], *, size: int, token: str
) -> tuple[list[ItemT], str]:
    """Return one page of items that are sorted by name.

    Args:
        items: all items, sorted by ``name``.
        name: returns the name of an item.
        size: the number of items on a page; 0 means all.
        token: the token of the previous page; empty for the first page.

    Returns:
        The page, and the token of the next page: empty after the last.
    """
    rest = [item for item in items if name(item) >= token]
    if size <= 0 or size >= len(rest):
        return rest, ""
    return rest[:size], name(rest[size])
