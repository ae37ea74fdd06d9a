"""The outcome of an event: its state in the ledger, its effects and its skips."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final
from uuid import UUID

from pipeline.domain.identifiers import EventId, EventType, UserId
from pipeline.fanout.effects import Channel, Effect
from pipeline.fanout.reasons import Reason


class Status(StrEnum):
    """The state of an event in the ledger.

    ``COMPLETED`` never changes. The other final states last until a replay completes the event.
    ``PAUSED`` is not final: the event waits until its type is resumed.
    """

    COMPLETED = "completed"
    EXPIRED = "expired"
    UNROUTED = "unrouted"
    DEAD = "dead"
    PAUSED = "paused"


FINAL: Final = (Status.COMPLETED, Status.EXPIRED, Status.UNROUTED, Status.DEAD)


@dataclass(frozen=True, slots=True)
class Skip:
    """A candidate got nothing on a channel. ``preference_id`` is the preference that muted it."""

    user_id: UserId
    channel: Channel
    reason: Reason
    preference_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class OutcomePage:
    """The part of an event's recipients, in the order of user ids, that an outcome covers.

    Attributes:
        after: the last recipient of the previous page; None for the first page.
        up_to: the last recipient of this page.
        last: whether no page follows.
    """

    after: UserId | None
    up_to: UserId | None
    last: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """Everything to write for one event, or for a page of it. It is written completely or not."""

    event_id: EventId
    event_type: EventType
    status: Status
    reason: str | None = None
    effects: tuple[tuple[UserId, Effect], ...] = ()
    skips: tuple[Skip, ...] = ()
    page: OutcomePage | None = None
