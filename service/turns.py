"""Limits how many long questions are answered at once, so that short ones never wait for them."""

import threading
from collections.abc import Iterator
from typing import Annotated, Final

from fastapi import Depends

from pipeline.domain.errors import TransientError

AT_ONCE: Final = 3

_turns: Final = threading.BoundedSemaphore(AT_ONCE)


def _take_turn() -> Iterator[None]:
    if not _turns.acquire(blocking=False):
        raise TransientError(f"{AT_ONCE} long questions are being answered; ask again in a moment")
    try:
        yield
    finally:
        _turns.release()


# For an endpoint that may take seconds.
Turn = Annotated[None, Depends(_take_turn)]
