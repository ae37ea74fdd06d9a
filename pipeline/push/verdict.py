"""Whether a person may be disturbed on the phone now. The set is closed."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final, TypeAlias

# Why a person does not get a push on the phone: the words of the statements, and what they mean.
UNWANTED: Final = {
    "muted": "the person has muted it",
    "no_access": "the person may not view it any more",
}


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


@dataclass(frozen=True, slots=True)
class Unwanted:
    """Not at all: the person does not want it, or may not view it any more.

    Attributes:
        code: why, in a word of ``UNWANTED``.
    """

    code: str


Verdict: TypeAlias = Disturb | QuietUntil | OverBudget | Unwanted
