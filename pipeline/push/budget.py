"""How many pushes a person gets at most. No I/O."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

HOUR: Final = timedelta(hours=1)
DAY: Final = timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class PushBudget:
    """The most pushes that a phone rings for, however many devices it is told on.

    Attributes:
        per_hour: in any 60 minutes.
        per_day: in any 24 hours.
    """

    per_hour: int = 2
    per_day: int = 10

    def is_spent(self, last_hour: int, last_day: int) -> bool:
        """Return whether one more is too many.

        Args:
            last_hour: pushes in the last 60 minutes.
            last_day: pushes in the last 24 hours.
        """
        return last_hour >= self.per_hour or last_day >= self.per_day

    def is_spent_by(self, sent: Sequence[datetime], at: datetime) -> bool:
        """Return whether one more at this time is too many, after pushes at these times."""
        recent = [each for each in sent if each > at - DAY]
        return self.is_spent(sum(each > at - HOUR for each in recent), len(recent))
