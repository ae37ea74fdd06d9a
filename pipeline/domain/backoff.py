"""Pauses between tries: the first pause doubles with each try, up to a limit."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final, Protocol

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


class Retrying(Protocol):
    """How often something that fails is tried again, and when."""

    def pause(self, failures: int, *, retry_after: float | None = None) -> float | None:
        """Return the seconds until the next try; None if there is none.

        Args:
            failures: how many there were before this one.
            retry_after: what the other side asked for: it always wins.
        """


class Restarts:
    """Pauses before something is started again. They grow, and are short again after a long run.

    Args:
        backoff: the pauses. A run is long if it takes longer than the longest of them.
        draw: draws the jitter. None: full pauses.
    """

    def __init__(self, backoff: Backoff, draw: Draw | None = None) -> None:
        self._backoff = backoff
        self._draw = draw
        self._tries = 0

    def pause_after(self, seconds: float) -> float:
        """Return the pause after a run that took so many seconds; 0 for one that did not start."""
        if seconds > self._backoff.longest:
            self._tries = 0
        pause = self._backoff.pause(self._tries, self._draw)
        self._tries += 1
        return pause


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryRule:
    """How often something that fails is tried again, and when.

    Attributes:
        backoff: the pauses.
        retries: tries after the first one; those that fail beyond are final.
    """

    backoff: Backoff
    retries: int

    def pause(
        self, failures: int, draw: Draw | None = None, *, retry_after: float | None = None
    ) -> float | None:
        """Return the seconds until the next try; None if there is none.

        Args:
            failures: how many there were before this one.
            draw: draws the jitter. None: the full pause.
            retry_after: what the other side asked for: it always wins.
        """
        if failures >= self.retries:
            return None
        return self.backoff.pause(failures, draw) if retry_after is None else retry_after


@dataclass(frozen=True, slots=True)
class Delays:
    """A table of pauses, for what has few tries.

    Attributes:
        seconds: before the first try, the second one and so on. There are no more tries.
    """

    seconds: tuple[float, ...]

    def before(self, tries: int | None) -> float | None:
        """Return the pause after so many tries; None if there is no further one."""
        if tries is None or not 0 <= tries < len(self.seconds):
            return None
        return self.seconds[tries]

    def pause(self, failures: int, *, retry_after: float | None = None) -> float | None:
        """Return the seconds until the next try; None if there is none.

        Args:
            failures: how many there were before this one.
            retry_after: what the other side asked for: it always wins.
        """
        pause = self.before(failures + 1)
        return pause if pause is None or retry_after is None else retry_after


# The tries of a mail: at once, a minute after the first failure, five minutes after the second.
MAIL_DELAYS: Final = Delays((0, 60, 300))
# The tries of a push: twelve in about an hour, since what it tells grows old.
PUSH_RETRIES: Final = RetryRule(backoff=Backoff(first=5, longest=900), retries=11)
