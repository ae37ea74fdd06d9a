"""The callback through which a long operation reports its progress."""

from collections.abc import Callable
from typing import TypeAlias

# Called with the number done and the total.
Report: TypeAlias = Callable[[int, int], None]


def no_report(done: int, total: int) -> None:
    """Ignore the progress."""
