"""How an operation that takes long says how far it is."""

from collections.abc import Callable
from typing import TypeAlias

# Takes how many are done, and of how many.
Report: TypeAlias = Callable[[int, int], None]


def no_report(done: int, total: int) -> None:
    """For a caller who waits for the result alone."""
