"""Limits the rate: a bucket fills at a steady rate, and each message takes a token from it."""

import time
from collections.abc import Callable


class TokenBucket:
    """Allows at most ``capacity`` at once, and at most ``rate`` a second in the long run."""

    def __init__(
        self, rate: float, capacity: int, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._rate = rate
        self._capacity = float(capacity)
        self._clock = clock
        self._tokens = self._capacity
        self._filled_at = clock()

    def take(self, tokens: int) -> float:
        """Take tokens; return the seconds to wait. The bucket may go below zero."""
        now = self._clock()
        earned = (now - self._filled_at) * self._rate
        self._tokens = min(self._capacity, self._tokens + earned) - tokens
        self._filled_at = now
        return max(0.0, -self._tokens / self._rate)
