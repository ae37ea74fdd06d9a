"""SIGINT and SIGTERM as the wish that a process ends in order."""

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any


@contextmanager
def stopped_by_signals(stop: Callable[[], None]) -> Iterator[None]:
    """In the block the first SIGINT or SIGTERM calls ``stop``; a second one has its usual effect.

    Args:
        stop: is called in a signal handler: it must take no lock.
    """

    def request(number: int, frame: FrameType | None) -> None:  # noqa: ARG001 - signal's signature
        stop()
        restore()

    def restore() -> None:
        for number, handler in earlier.items():
            signal.signal(number, handler)

    numbers = (signal.SIGINT, signal.SIGTERM)
    earlier: dict[signal.Signals, Any] = {number: signal.getsignal(number) for number in numbers}
    for number in numbers:
        signal.signal(number, request)
    try:
        yield
    finally:
        restore()
