"""Stop a process cleanly on SIGINT or SIGTERM."""

import signal
from _thread import start_new_thread
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any


@contextmanager
def stopped_by_signals(stop: Callable[[], None]) -> Iterator[None]:
    """Call ``stop`` on the first SIGINT or SIGTERM in the block. A second one has its usual effect.

    Args:
        stop: is called in a thread of its own, so it may acquire a lock that the interrupted code
            holds. In the handler itself, that would be a deadlock.
    """

    def request(number: int, frame: FrameType | None) -> None:  # noqa: ARG001 - signal's signature
        start_new_thread(stop, ())
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
