"""Limits of a plan that somebody waits for."""

import time
from dataclasses import dataclass

from pipeline.domain.errors import UsageError


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanLimits:
    """How many events a plan may have, and how long it may take.

    Attributes:
        events: the most events that are not complete.
        seconds: how long the plan may take, for the error.
        deadline: when this time is over, by the monotonic clock.
    """

    events: int
    seconds: float
    deadline: float

    @classmethod
    def of(cls, events: int, seconds: float) -> "PlanLimits":
        """Return limits that count from now."""
        return cls(events=events, seconds=seconds, deadline=time.monotonic() + seconds)

    def check(self, events: int) -> None:
        """Return if neither limit is exceeded.

        Args:
            events: how many events were selected so far.

        Raises:
            UsageError: a limit is exceeded. The text says what to do.
        """
        what = None
        if events > self.events:
            what = f"selects more than {self.events:,} events"
        elif time.monotonic() > self.deadline:
            what = f"takes longer than {self.seconds:g} s"
        if what is not None:
            raise UsageError(
                f"the plan {what}: select fewer by type, since or until, or use the command"
                " python -m pipeline replay, which has no such limit"
            )
