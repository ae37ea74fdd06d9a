"""Models of ``/v1/reactions/{id}/why``: the JSON of ``why --event`` with a UUID."""

from datetime import datetime
from typing import Any, Final
from uuid import UUID

from pydantic import BaseModel

from service.answers.causes import DeliverySeen
from service.answers.why import WhyLetter

WHY_REACTION: Final[dict[str, Any]] = {
    "event": {
        "id": "6f1c2a34-0000-4000-8000-000000000011",
        "type": "user.verified",
        "created_at": "2026-03-02T12:00:00Z",
        "created_by": "signup",
        "aggregate_type": "user",
        "aggregate_id": "6f1c2a34-0000-4000-8000-000000000012",
        "processed": True,
        "deleted": False,
    },
    "state": {
        "status": "done",
        "reason": None,
        "error_class": None,
        "found_at": "2026-03-02T12:00:00.004000Z",
        "finished_at": "2026-03-02T12:00:00.012000Z",
        "next_attempt_at": None,
        "attempts": 1,
        "failures": 0,
        "handler": True,
        "route": None,
        "words": "done 12 ms after it was written",
    },
    "cause": None,
    "waits_for": None,
    "held_by": None,
    "replayed": None,
    "tries": [
        {
            "number": 1,
            "result": "done",
            "error_class": None,
            "code": None,
            "reason": None,
            "started_at": "2026-03-02T12:00:00.005000Z",
            "finished_at": "2026-03-02T12:00:00.012000Z",
        }
    ],
    "dead_letter": None,
    "came_of_it": [
        {
            "kind": "task",
            "id": "6f1c2a34-0000-4000-8000-000000000013",
            "what": "notify_user_of_priorities for account_manager",
            "user_id": "6f1c2a34-0000-4000-8000-000000000012",
            "state": "pending",
            "at": "2026-03-02T12:01:00Z",
            "words": "notify_user_of_priorities for account_manager, priority high, pending",
        }
    ],
    "deliveries": [],
    "next": None,
}


class ReactionEventSeen(BaseModel):
    """The event.

    Attributes:
        processed: what its column says.
        deleted: whether its row is gone; then only the ledger knows it.
    """

    id: UUID
    type: str
    created_at: datetime | None
    created_by: str | None
    aggregate_type: str | None
    aggregate_id: str | None
    processed: bool
    deleted: bool


class ReactionState(BaseModel):
    """How the event stands; all null but ``handler`` and ``words`` before a graph has found it.

    Attributes:
        attempts: all tries, also those before a replay.
        failures: the tries that failed since it was written or replayed.
        handler: whether its type has a handler in this version.
        route: the route that it took, in words; null: none.
        words: the state in words.
    """

    status: str | None
    reason: str | None
    error_class: str | None
    found_at: datetime | None
    finished_at: datetime | None
    next_attempt_at: datetime | None
    attempts: int | None
    failures: int | None
    handler: bool
    route: str | None
    words: str


class ReactionCause(BaseModel):
    """The event that this one follows."""

    id: UUID
    type: str | None


class HeldBy(BaseModel):
    """The switch that holds its type back now."""

    state: str
    reason: str | None
    who: str
    until: datetime | None


class LastReplay(BaseModel):
    """When and by whom the event was replayed last."""

    at: datetime
    who: str | None
    note: str | None


class ReactionTried(BaseModel):
    """One try."""

    number: int
    result: str
    error_class: str | None
    code: str | None
    reason: str | None
    started_at: datetime
    finished_at: datetime


class CameOfIt(BaseModel):
    """What the event led to, as it stands now.

    Attributes:
        id: of the row that it made; of no row for what changes one.
        at: when it is due, ends or ended.
    """

    kind: str
    id: UUID
    what: str | None
    user_id: UUID | None
    state: str | None
    at: datetime | None
    words: str


class WhyReaction(BaseModel):
    """What came of an event of reactions, and why.

    Attributes:
        deliveries: what went to endpoints of other systems.
        waits_for: an earlier event that is processed before it, since they have an order.
        next: what to do next; null if there is nothing to do.
    """

    event: ReactionEventSeen
    state: ReactionState
    cause: ReactionCause | None
    waits_for: UUID | None
    held_by: HeldBy | None
    replayed: LastReplay | None
    tries: list[ReactionTried]
    dead_letter: WhyLetter | None
    came_of_it: list[CameOfIt]
    deliveries: list[DeliverySeen]
    next: str | None
