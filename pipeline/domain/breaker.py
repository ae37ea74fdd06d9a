"""The breaker's rule: how many failures in a row open it, and for how long."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class Breaker:
    """The rule, as data.

    Attributes:
        failures: so many in a row, of one cause and with no success in between, open it.
        cool_off: for how long it is open the first time; each time after that twice as long.
        longest: but never longer than that.
    """

    failures: int = 50
    cool_off: timedelta = timedelta(minutes=5)
    longest: timedelta = timedelta(hours=1)

    def opens(self, streak: "Streak") -> bool:
        """Whether these are enough."""
        return len(streak.failed) >= self.failures

    def next_cool_off(self, before: timedelta | None) -> timedelta:
        """For how long to open; ``before`` is for how long it was the last time, if it was."""
        return self.cool_off if before is None else min(before * 2, self.longest)


@dataclass(frozen=True, slots=True)
class Streak:
    """Failures of one cause, one after the other.

    Attributes:
        fingerprint: of the cause.
        failed: what failed; what is tried again and fails again is one failure.
    """

    fingerprint: str | None = None
    failed: frozenset[str] = field(default=frozenset())

    def after(self, failures: Iterable[tuple[str, str]], *, success: bool) -> "Streak":
        """The streak after a batch.

        Args:
            failures: key and fingerprint of what failed, in its order.
            success: whether anything of the batch succeeded; nobody knows between which failures,
                so none of them count.
        """
        if success:
            return Streak()
        streak = self
        for key, fingerprint in failures:
            failed = streak.failed if fingerprint == streak.fingerprint else frozenset()
            streak = Streak(fingerprint, failed | {key})
        return streak
