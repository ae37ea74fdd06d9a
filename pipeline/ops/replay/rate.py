"""How fast: a bucket that fills at a steady rate, out of which every message takes a token."""

import time
from collections.abc import Callable


class TokenBucket:
    """At most ``capacity`` at once, and at most ``rate`` a second in the long run."""

    def __init__(
        self, rate: float, capacity: int, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._rate = rate
        self._capacity = float(capacity)
        self._clock = clock
        self._tokens = self._capacity
        self._filled_at = clock()

    def take(self, tokens: int) -> float:
        """Take tokens, on credit if need be; gives the seconds until they are paid for."""
        now = self._clock()
        earned = (now - self._filled_at) * self._rate
        self._tokens = min(self._capacity, self._tokens + earned) - tokens
        self._filled_at = now
        return max(0.0, -self._tokens / self._rate)
