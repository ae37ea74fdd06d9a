"""How long to wait before the next try: a first pause that doubles up to a bound."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

# A number between two bounds, such as ``random.uniform``.
Draw = Callable[[float, float], float]


@dataclass(frozen=True, slots=True)
class Backoff:
    """Pauses in seconds.

    Attributes:
        first: before the second try.
        longest: the bound.
        at_least: the part of a pause that jitter leaves: 0 for any pause up to the full one, 1 for
            no jitter.
    """

    first: float
    longest: float
    at_least: float = 1.0

    def pause(self, tries: int, draw: Draw | None = None) -> float:
        """The pause after so many tries before the last one; 0 for the first pause.

        Args:
            tries: how often it was tried before.
            draw: gives the jitter; without it the pause is the full one.
        """
        # 2 ** 64 pauses are beyond any bound, and within what a float holds.
        full: float = min(self.first * 2.0 ** min(tries, 64), self.longest)
        return full if draw is None else draw(self.at_least * full, full)

    def pauses(self, draw: Draw | None = None) -> Iterator[float]:
        """One pause after the other, without end."""
        tries = 0
        while True:
            yield self.pause(tries, draw)
            tries += 1
