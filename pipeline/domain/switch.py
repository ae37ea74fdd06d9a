"""Switches: they hold things back for a while, for example events of one type."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import TypeVar

ItemT = TypeVar("ItemT")


class SwitchState(StrEnum):
    """``PAUSED``: by a person, until a person resumes it. ``OPEN``: by a breaker, for a while."""

    PAUSED = "paused"
    OPEN = "open"


@dataclass(frozen=True, slots=True, kw_only=True)
class Switch:
    """A switch that holds something back.

    Attributes:
        name: the name of the held-back thing, for example an event type.
        state: whether a person or a breaker set the switch.
        may_try: an open breaker has cooled off. One item of a batch may pass as a trial.
        fingerprint: the fingerprint of the cause for which a breaker opened.
        cool_off: how long the breaker was last opened for.
    """

    name: str
    state: SwitchState
    may_try: bool = False
    fingerprint: str | None = None
    cool_off: timedelta | None = None


def divide(
    switch: Switch | None, items: Sequence[ItemT]
) -> tuple[Sequence[ItemT], Sequence[ItemT]]:
    """Split a batch into the items that pass and the items that are held back."""
    if switch is None:
        return items, ()
    passing = 1 if switch.state is SwitchState.OPEN and switch.may_try else 0
    return items[:passing], items[passing:]
