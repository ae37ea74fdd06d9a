"""Pauses between tries: the first pause doubles with each try, up to a limit."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

# A number between two bounds, such as ``random.uniform``.
Draw = Callable[[float, float], float]


@dataclass(frozen=True, slots=True)
class Backoff:
    """Pauses in seconds.

    Attributes:
        first: the pause before the second try.
        longest: the limit.
        at_least: the smallest part of a pause that jitter can choose. 0: any pause up to the full
            one. 1: no jitter.
    """

    first: float
    longest: float
    at_least: float = 1.0

    def pause(self, tries: int, draw: Draw | None = None) -> float:
        """Return the pause after a try.

        Args:
            tries: the number of tries before that one; 0 for the first pause.
            draw: draws the jitter. None: the full pause.
        """
        # 2 ** 64 is above any limit, and a float can hold it.
        full: float = min(self.first * 2.0 ** min(tries, 64), self.longest)
        return full if draw is None else draw(self.at_least * full, full)

    def pauses(self, draw: Draw | None = None) -> Iterator[float]:
        """Yield one pause after the other. The iterator never ends."""
        tries = 0
        while True:
            yield self.pause(tries, draw)
            tries += 1
