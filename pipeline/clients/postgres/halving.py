"""Finds the items at fault: if Postgres rejects a batch, it tries the halves."""

from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

from pipeline.domain.errors import LockTimeout, PermanentError, StatementTimeout

ItemT = TypeVar("ItemT")
ResultT = TypeVar("ResultT")


def in_halves(
    items: Sequence[ItemT], work: Callable[[Sequence[ItemT]], ResultT]
) -> Iterator[tuple[Sequence[ItemT], ResultT | PermanentError]]:
    """Do the work on all items. If it fails, do it on the halves, down to the single item at fault.

    With one item at fault among n, that takes at most 2 * log2(n) + 1 pieces of work. A statement
    timeout and a lock timeout are halved too, since half of the items may succeed.

    Args:
        items: the items. Without items there is no work.
        work: idempotent; gets some of the items, in their order.

    Yields:
        Items with the result of the work, or a single item with its error.

    Raises:
        TransientError: the work raised it. The caller must retry all of the items.
        ConfigurationError: the work raised it.
    """
    if not items:
        return
    try:
        result: ResultT | PermanentError = work(items)
    except (PermanentError, StatementTimeout, LockTimeout) as error:
        if len(items) > 1:
            middle = len(items) // 2
            yield from in_halves(items[:middle], work)
            yield from in_halves(items[middle:], work)
            return
        if not isinstance(error, PermanentError):
            raise
        result = error
    yield items, result
