"""Switches: what is held back for now, and what may pass all the same."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import TypeVar

ItemT = TypeVar("ItemT")


class SwitchState(StrEnum):
    """``PAUSED`` by a person, until a person resumes it; ``OPEN`` by a breaker, for a while."""

    PAUSED = "paused"
    OPEN = "open"


@dataclass(frozen=True, slots=True, kw_only=True)
class Switch:
    """A switch that holds something back.

    Attributes:
        name: of what it holds back, an event type for instance.
        state: by whom.
        may_try: an open breaker has cooled off: one at a time may pass, to see what becomes of it.
        fingerprint: of the cause for which a breaker opened.
        cool_off: for how long a breaker was opened last.
    """

    name: str
    state: SwitchState
    may_try: bool = False
    fingerprint: str | None = None
    cool_off: timedelta | None = None


def divide(
    switch: Switch | None, items: Sequence[ItemT]
) -> tuple[Sequence[ItemT], Sequence[ItemT]]:
    """What passes of a batch, and what is held back."""
    if switch is None:
        return items, ()
    passing = 1 if switch.state is SwitchState.OPEN and switch.may_try else 0
    return items[:passing], items[passing:]
