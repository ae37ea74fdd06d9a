"""What became of an event: the state for the ledger and every row that follows."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final
from uuid import UUID

from pipeline.domain.identifiers import EventId, EventType, UserId
from pipeline.fanout.effects import Channel, Effect
from pipeline.fanout.reasons import Reason


class Status(StrEnum):
    """What the ledger holds of an event that was looked at.

    ``COMPLETED`` is for ever; the other final states last until a replay completes. ``PAUSED`` is
    none of them: its type is paused, and it goes on when that is over.
    """

    COMPLETED = "completed"
    EXPIRED = "expired"
    UNROUTED = "unrouted"
    DEAD = "dead"
    PAUSED = "paused"


FINAL: Final = (Status.COMPLETED, Status.EXPIRED, Status.UNROUTED, Status.DEAD)


@dataclass(frozen=True, slots=True)
class Skip:
    """A candidate got nothing on a channel; ``preference_id`` names the row that decided so."""

    user_id: UserId
    channel: Channel
    reason: Reason
    preference_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class OutcomePage:
    """Which part of an event's recipients an outcome is about, by user id.

    Attributes:
        after: the last recipient of the page before; None for the first page.
        up_to: the last recipient of this page.
        last: whether no page follows.
    """

    after: UserId | None
    up_to: UserId | None
    last: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """Everything one event leads to, or a page of it; written whole or not at all."""

    event_id: EventId
    event_type: EventType
    status: Status
    reason: str | None = None
    effects: tuple[tuple[UserId, Effect], ...] = ()
    skips: tuple[Skip, ...] = ()
    page: OutcomePage | None = None
