"""What the database holds about one event of reactions, as the queries return it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from pipeline.ops.why.account import EventLetter
from pipeline.ops.why.cause import CausedDelivery


@dataclass(frozen=True, slots=True, kw_only=True)
class ReactionSeen:
    """An event, its row in the ledger, and what holds it back.

    Attributes:
        is_deleted: whether the row of the event is gone.
        created_at: None also if no program can read it.
        is_processed: what its column ``processed`` says.
        is_past: whether it ended so long ago that retention has deleted its row in the ledger.
        state: in the ledger; None: no graph has found it yet. So is everything below.
        found_at: when a graph found it.
        attempts: all tries, also those before a replay.
        failures: the tries that failed since it was written or replayed.
        reason: why it ended, or why its last try did not end it.
        route: the route that it took, in words; None: none.
        cause: the event that it follows; None if an application wrote it.
        replayed_by: the login that replayed it last.
        waits_for: an earlier event with its order key, which is processed before it.
        switch_state: ``paused`` or ``open`` while a switch holds its type back.
    """

    id: UUID
    type: str
    is_deleted: bool
    created_at: datetime | None
    aggregate_type: str | None
    aggregate_id: str | None
    created_by: str | None
    is_processed: bool
    is_past: bool
    state: str | None
    found_at: datetime | None
    attempts: int | None
    failures: int | None
    next_attempt_at: datetime | None
    finished_at: datetime | None
    error_class: str | None
    reason: str | None
    route: str | None
    cause: UUID | None
    cause_type: str | None
    replayed_at: datetime | None
    replayed_by: str | None
    replay_note: str | None
    switch_state: str | None
    switch_reason: str | None
    switch_who: str | None
    switch_until: datetime | None
    waits_for: UUID | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ReactionTry:
    """One try at an event."""

    number: int
    result: str
    error_class: str | None
    code: str | None
    reason: str | None
    started_at: datetime
    finished_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Consequence:
    """What an event led to, as it stands now.

    Attributes:
        kind: the name of the effect, such as ``Task``.
        id: of the row that it made; of no row for an effect that changes one.
        what: what it is, such as the type of a task.
        state: of the row now. Of a follow-up event: its state in the ledger.
        at: when it is due, ends or ended.
        number: the priority of a task or a message, the points of an item, or the credits.
        is_there: whether there is a row with this id.
    """

    kind: str
    id: UUID
    what: str | None
    user_id: UUID | None
    state: str | None
    at: datetime | None
    number: str | None
    is_there: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ReactionAccount:
    """Everything known about one event of reactions.

    Attributes:
        event: the event, and how it stands.
        has_handler: whether its type has a handler in this version.
        tries: every try, the first one first. Retention deletes old ones.
        letter: its dead letter, open or resolved; None if it never had one.
        came_of_it: what it led to.
        deliveries: what went to endpoints of other systems.
    """

    event: ReactionSeen
    has_handler: bool
    tries: Sequence[ReactionTry]
    letter: EventLetter | None
    came_of_it: Sequence[Consequence]
    deliveries: Sequence[CausedDelivery] = ()
