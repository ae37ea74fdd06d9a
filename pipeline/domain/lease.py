"""The states of everything that is tried again, and the words in which a try ends. No I/O.

pending -> leased -> done | dead | cancelled | expired
             |  ^
             v  |
           waiting        paused: held back by a switch, from pending or waiting and back
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Final
from uuid import UUID


class WorkState(StrEnum):
    """Where a record stands."""

    PENDING = "pending"
    LEASED = "leased"
    WAITING = "waiting"
    PAUSED = "paused"
    DONE = "done"
    DEAD = "dead"
    CANCELLED = "cancelled"
    EXPIRED = "expired"


# These never change again.
TERMINAL: Final = frozenset(
    {WorkState.DONE, WorkState.DEAD, WorkState.CANCELLED, WorkState.EXPIRED}
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Lease:
    """A record that one worker has to itself for a while.

    Attributes:
        sequence: of the record, in its table.
        token: proves that this worker holds it.
        number: of this try, from 1.
        failures: tries before this one that counted as failures.
        due_at: since when it could have been taken.
        values: what else the table says of the record.
    """

    sequence: int
    token: UUID
    number: int
    failures: int
    due_at: datetime
    values: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Cause:
    """Why a try did not succeed.

    Attributes:
        error_class: the name of the error's class; None where there was no error.
        code: of the database or the provider.
        reason: in words; never a value of the record.
    """

    error_class: str | None = None
    code: str | None = None
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Settlement:
    """How a try ended. Made by ``end``, ``fail`` and ``give_back``.

    Attributes:
        lease: the try.
        state: the record's new one: terminal, or ``WAITING``.
        pause: seconds until it may be taken again.
        counts: whether it is one more failure.
        cause: why.
    """

    lease: Lease
    state: WorkState
    pause: float = 0
    counts: bool = False
    cause: Cause | None = None

    @property
    def result(self) -> str:
        """As the table of attempts names it."""
        if self.state is not WorkState.WAITING:
            return self.state.value
        return "failed" if self.counts else "given back"


def end(lease: Lease, state: WorkState, cause: Cause | None = None) -> Settlement:
    """The record is through.

    Raises:
        ValueError: the state is not terminal.
    """
    if state not in TERMINAL:
        raise ValueError(f"invalid state {state.value!r}: expected a terminal one")
    return Settlement(lease=lease, state=state, counts=state is WorkState.DEAD, cause=cause)


def fail(lease: Lease, cause: Cause, *, pause: float) -> Settlement:
    """The try failed; the next one may begin after so many seconds."""
    return Settlement(lease=lease, state=WorkState.WAITING, pause=pause, counts=True, cause=cause)


def give_back(lease: Lease, cause: Cause, *, pause: float) -> Settlement:
    """As ``fail``, for what says nothing of the record: it does not count as a failure."""
    return Settlement(lease=lease, state=WorkState.WAITING, pause=pause, cause=cause)
