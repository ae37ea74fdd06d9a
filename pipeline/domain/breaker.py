"""The rule of the breaker: how many failures in a row open it, and for how long."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class Breaker:
    """The numbers of the rule.

    Attributes:
        failures: this many failures in a row, of one cause and without a success, open it.
        cool_off: how long it stays open the first time. Each time after that is twice as long.
        longest: the limit of that time.
    """

    failures: int = 50
    cool_off: timedelta = timedelta(minutes=5)
    longest: timedelta = timedelta(hours=1)

    def opens(self, streak: "Streak") -> bool:
        """Whether the streak has enough failures to open the breaker."""
        return len(streak.failed) >= self.failures

    def next_cool_off(self, before: timedelta | None) -> timedelta:
        """Return how long to open. ``before`` is the last time span; None: it never was open."""
        return self.cool_off if before is None else min(before * 2, self.longest)


@dataclass(frozen=True, slots=True)
class Streak:
    """Failures in a row, of one cause.

    Attributes:
        fingerprint: the fingerprint of the cause.
        failed: the keys of the failed items. An item that fails again counts once.
    """

    fingerprint: str | None = None
    failed: frozenset[str] = field(default=frozenset())

    def after(self, failures: Iterable[tuple[str, str]], *, success: bool) -> "Streak":
        """Return the streak after a batch.

        Args:
            failures: key and fingerprint of each failed item, in order.
            success: whether any item of the batch succeeded. Its place between the failures is
                unknown, so no failure counts.
        """
        if success:
            return Streak()
        streak = self
        for key, fingerprint in failures:
            failed = streak.failed if fingerprint == streak.fingerprint else frozenset()
            streak = Streak(fingerprint, failed | {key})
        return streak
