"""What a handler answers: done with effects, not yet, or never."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from pipeline.reactions.effects import Reaction


@dataclass(frozen=True, slots=True)
class Done:
    """The event is processed. All of its effects are written, or none."""

    effects: tuple[Reaction, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryAt:
    """Not yet: ask again at this time. It costs no try.

    Attributes:
        at: the time, with its zone.
        reason: why. Never a value of the event.
    """

    at: datetime
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class GaveUp:
    """Never: no further try can help. The reason never holds a value of the event."""

    reason: str


ReactionOutcome = Done | RetryAt | GaveUp


def done(*effects: Reaction) -> Done:
    """Return the outcome with these effects.

    Raises:
        ValueError: two effects have one name, so the second would be lost.
    """
    return done_with(effects)


def done_with(effects: Iterable[Reaction]) -> Done:
    """Like ``done``."""
    found = tuple(effects)
    twice = [name for name, number in Counter(each.name for each in found).items() if number > 1]
    if twice:
        raise ValueError("two effects of one event have the same name: give each its own")
    return Done(found)
