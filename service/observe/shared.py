"""One look at a time, whatever the number of those who ask."""

import asyncio
import math
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Generic, TypeVar

SeenT = TypeVar("SeenT")


@dataclass(frozen=True, slots=True)
class Seen(Generic[SeenT]):
    """What a look saw, when it began (by ``time.monotonic``), and how many seconds it took."""

    value: SeenT
    began: float
    took: float

    @property
    def age(self) -> float:
        """Seconds since the look began."""
        return time.monotonic() - self.began


class Shared(Generic[SeenT]):
    """Takes a look when somebody asks, and gives the same answer to all who ask meanwhile.

    To be used in one event loop. The look runs in a thread of its own, so that it waits for no
    other work of the process.

    Args:
        look: takes the look.
        every: seconds between the end of a look and the beginning of the next.
        share: the largest share of the time that looks take, so that slow looks are rare.
        again: the same as ``every``, after a look that saw nothing: its value is None.
    """

    def __init__(
        self,
        look: Callable[[], SeenT],
        *,
        every: float,
        share: float = 1.0,
        again: float | None = None,
    ) -> None:
        self._look = look
        self._every = every
        self._again = every if again is None else again
        self._share = share
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="look")
        self._flight: asyncio.Future[Seen[SeenT]] | None = None
        self._next_at = 0.0
        self.newest: Seen[SeenT] | None = None

    async def get(self, within: float, *, oldest: float = math.inf) -> Seen[SeenT] | None:
        """Return the newest answer. Wait for a due look, for at most ``within`` seconds.

        A look is due also if the newest answer is older than ``oldest`` seconds. None: there is no
        answer yet.
        """
        flight = self._flight
        is_old = self.newest is not None and self.newest.age > oldest
        if flight is None and (is_old or time.monotonic() >= self._next_at):
            flight = asyncio.get_running_loop().run_in_executor(self._thread, self._take)
            self._flight = flight
            flight.add_done_callback(self._land)
        if flight is not None:
            done, _ = await asyncio.wait({flight}, timeout=within)
            if done:
                return flight.result()
        return self.newest

    def close(self, last: Callable[[], object] | None = None) -> None:
        """Take no further look. One that has begun may go on, and nobody waits for it.

        Args:
            last: called in the thread of the looks, after that one.
        """
        if last is not None:
            self._thread.submit(last)
        self._thread.shutdown(wait=False)

    def _take(self) -> Seen[SeenT]:
        began = time.monotonic()
        value = self._look()
        return Seen(value, began, time.monotonic() - began)

    def _land(self, flight: "asyncio.Future[Seen[SeenT]]") -> None:
        self._flight = None
        pause = self._again
        if not flight.cancelled() and flight.exception() is None:
            self.newest = flight.result()
            if self.newest.value is not None:
                pause = max(self._every, self.newest.took * (1 / self._share - 1))
        self._next_at = time.monotonic() + pause
