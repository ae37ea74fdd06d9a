"""Find the items at fault: where Postgres refuses a batch, its halves are tried."""

from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

from pipeline.domain.errors import LockTimeout, PermanentError, StatementTimeout

ItemT = TypeVar("ItemT")
ResultT = TypeVar("ResultT")


def in_halves(
    items: Sequence[ItemT], work: Callable[[Sequence[ItemT]], ResultT]
) -> Iterator[tuple[Sequence[ItemT], ResultT | PermanentError]]:
    """Do the work on all items; where it fails, on halves, until an item at fault stands alone.

    Of n items with one at fault that takes at most 2 * log2(n) + 1 pieces of work. A statement that
    takes too long is halved as well, since half of it may not, and one that waits for a lock.

    Args:
        items: none of them is no work.
        work: idempotent; gets some of the items, in their order.

    Yields:
        Items, and what the work gave for them, or the error of a single one.

    Raises:
        TransientError: whatever the work raises; it is to be done again, all of it.
        ConfigurationError: whatever the work raises.
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
