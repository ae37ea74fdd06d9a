"""How many requests a second somebody may send, with a burst."""

import time
from collections.abc import Callable
from typing import Final

from cachetools import TTLCache

_KEPT: Final = 10_000
# A burst is this many seconds of the rate, so a page that asks for several things at once may.
_BURST_SECONDS: Final = 2.0


class Rate:
    """A limit for each key, on one process. To be used in one event loop.

    Args:
        per_second: how many requests a key may send, in the mean.
        clock: seconds that never go back.
    """

    def __init__(self, per_second: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._cost = 1 / per_second
        self._burst = max(_BURST_SECONDS, self._cost)
        self._clock = clock
        # For each key, when all of its requests would have been sent at the rate. A key that has
        # sent nothing for the time of a burst is as good as new.
        self._paid_until: TTLCache[str, float] = TTLCache(_KEPT, self._burst, timer=clock)

    def take(self, key: str) -> float:
        """Count a request; return 0, or in how many seconds to try again if it is one too many."""
        now = self._clock()
        paid_until: float = max(now, self._paid_until.get(key, now)) + self._cost
        if (wait := paid_until - now - self._burst) > 0:
            return wait
        self._paid_until[key] = paid_until
        return 0.0

    def give_back(self, key: str) -> None:
        """Take a request back that was counted for nothing."""
        paid_until = self._paid_until.get(key)
        if paid_until is not None:
            self._paid_until[key] = paid_until - self._cost
