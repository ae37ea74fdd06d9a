"""Whether a person may be disturbed on the phone now. The set is closed."""

from dataclasses import dataclass
from datetime import datetime
from typing import TypeAlias


@dataclass(frozen=True, slots=True)
class Disturb:
    """The phone may ring."""


@dataclass(frozen=True, slots=True)
class QuietUntil:
    """Not now: the person has quiet hours.

    Attributes:
        at: when they end.
    """

    at: datetime


@dataclass(frozen=True, slots=True)
class OverBudget:
    """Not at all: the person has got enough.

    Attributes:
        has_digest: whether the next digest tells it.
    """

    has_digest: bool


Verdict: TypeAlias = Disturb | QuietUntil | OverBudget
