"""What belongs to the process, and ends with its command."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def closed_pools() -> Iterator[None]:
    """Close the connection pools after the block, whatever happens in it.

    Nothing is imported for this: a command that opened no pool has none to close.
    """
    try:
        yield
    finally:
        if "pipeline.clients.postgres.pool" in sys.modules:
            from pipeline.clients.postgres.pool import close_pools

            close_pools()
