"""Waits for a condition, with a deadline."""

import time
from collections.abc import Callable


def wait_until(true: Callable[[], object], *, seconds: float, what: str) -> None:
    """Return as soon as ``true()`` is true; fail the test with ``what`` after ``seconds``."""
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, f"not within {seconds:g} s: {what}"
        time.sleep(0.02)
