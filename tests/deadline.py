"""Wait for something to become true, but not for ever."""

import time
from collections.abc import Callable


def wait_until(true: Callable[[], object], *, seconds: float, what: str) -> None:
    """Return as soon as ``true()`` is; fail the test with ``what`` after ``seconds``."""
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, f"not within {seconds:g} s: {what}"
        time.sleep(0.02)
