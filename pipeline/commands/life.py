"""Closes the resources of the process when its command ends."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def closed_pools() -> Iterator[None]:
    """Close the connection pools after the block, and send the last spans, also after an error.

    This imports no module that the command did not import: without it there is nothing to close.
    """
    try:
        yield
    finally:
        if "pipeline.clients.spans" in sys.modules:
            from pipeline.clients.spans import close_spans

            close_spans()
        if "pipeline.clients.postgres.pool" in sys.modules:
            from pipeline.clients.postgres.pool import close_pools

            close_pools()
