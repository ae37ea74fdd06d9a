"""The states of every record that is retried, and the ways in which a try ends. No I/O.

pending -> leased -> done | dead | cancelled | expired, or held until a person decides,
             |  ^    or digest until one tells it, or unrouted until a replay
             v  |
           waiting        pending or waiting <-> paused, while a switch holds it back
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, Final
from uuid import UUID


class WorkState(StrEnum):
    """The state of a record."""

    PENDING = "pending"
    LEASED = "leased"
    WAITING = "waiting"
    PAUSED = "paused"
    HELD = "held"
    DIGEST = "digest"
    UNROUTED = "unrouted"
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
    """The right of one worker to process a record, for a limited time.

    Attributes:
        sequence: of the record, in its table.
        token: identifies this lease. Another worker gets another token.
        number: of this try, from 1.
        failures: how many earlier tries counted as failures.
        due_at: the time from which the record could be claimed; in a ranked table, by which it is
            ranked.
        values: other columns of the record, by name.
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
        error_class: the name of the error's class. None if there was no error.
        code: the error code of the database or the provider.
        reason: text for people. Never contains a value of the record.
    """

    error_class: str | None = None
    code: str | None = None
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Settlement:
    """How a try ended. Made by ``end``, ``fail``, ``give_back``, ``put_back``, ``hold``, ``park``.

    Attributes:
        lease: the lease of the try.
        state: the new state of the record: terminal, ``WAITING``, ``HELD`` or ``UNROUTED``.
        pause: seconds until it may be claimed again.
        due_at: the time by which it is ranked, in place of the pause. None: when the pause ends.
        counts: whether the try counts as a failure.
        cause: why it did not succeed.
        values: what else the table needs to know, as its ``given`` says.
    """

    lease: Lease
    state: WorkState
    pause: float = 0
    due_at: datetime | None = None
    counts: bool = False
    cause: Cause | None = None
    values: Mapping[str, Any] = field(default_factory=dict)

    @property
    def result(self) -> str:
        """The result in ``fanout.attempts``."""
        if self.state in TERMINAL:
            return self.state.value
        return "failed" if self.counts else "given back"


def end(lease: Lease, state: WorkState, cause: Cause | None = None) -> Settlement:
    """Return the settlement that ends the record.

    Raises:
        ValueError: the state is not terminal.
    """
    if state not in TERMINAL:
        raise ValueError(f"invalid state {state.value!r}: expected a terminal one")
    return Settlement(lease=lease, state=state, counts=state is WorkState.DEAD, cause=cause)


def fail(lease: Lease, cause: Cause, *, pause: float) -> Settlement:
    """Return the settlement of a failed try. The next one may start after ``pause`` seconds."""
    return Settlement(lease=lease, state=WorkState.WAITING, pause=pause, counts=True, cause=cause)


def give_back(lease: Lease, cause: Cause, *, pause: float) -> Settlement:
    """Like ``fail``, but not counted: the record is not the cause, but an outage for example.

    In a ranked table it keeps its rank.
    """
    return Settlement(lease=lease, state=WorkState.WAITING, pause=pause, cause=cause)


def put_back(lease: Lease, cause: Cause) -> Settlement:
    """Like ``give_back``, but it may be claimed at once, and keeps its place: nothing was tried."""
    return Settlement(lease=lease, state=WorkState.WAITING, due_at=lease.due_at, cause=cause)


def hold(lease: Lease, cause: Cause) -> Settlement:
    """Return the settlement of a record that waits for the decision of a person."""
    return Settlement(lease=lease, state=WorkState.HELD, cause=cause)


def park(lease: Lease, cause: Cause) -> Settlement:
    """Return the settlement of a record that nothing handles. A replay makes it pending again."""
    return Settlement(lease=lease, state=WorkState.UNROUTED, cause=cause)
