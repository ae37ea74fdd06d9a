"""Models of what became of a record that is no event: the JSON of ``why --activity``."""

from datetime import datetime
from typing import Any, Final
from uuid import UUID

from pydantic import BaseModel

WHY_CAUSE: Final[dict[str, Any]] = {
    "cause": "activity.notifications:6f1c2a34-0000-4000-8000-000000000021",
    "row": {
        "id": "6f1c2a34-0000-4000-8000-000000000021",
        "user_id": "6f1c2a34-0000-4000-8000-000000000022",
        "kind": "comment",
        "is_processed": True,
        "created_at": "2026-03-02T12:00:00Z",
        "deliver_at": "2026-03-02T12:00:00Z",
        "taken_at": "2026-03-02T12:00:00.010000Z",
        "last_error": None,
        "push_since": "2026-03-01T09:00:00Z",
        "is_too_old": False,
        "words": "push took it 2026-03-02 12:00:00 UTC, and all has ended",
    },
    "deliveries": [],
    "next": None,
}


class RowSeen(BaseModel):
    """How a row of ``activity.notifications`` stands. Its text is not read.

    Attributes:
        user_id: who is told; the nil UUID is everyone.
        taken_at: when push made its deliveries; null: it did not.
        push_since: since when push is switched on; null: it is not.
        is_too_old: whether it is older than that, so that push never takes it.
        words: all of this in words.
    """

    id: UUID
    user_id: UUID | None
    kind: str
    is_processed: bool
    created_at: datetime | None
    deliver_at: datetime | None
    taken_at: datetime | None
    last_error: str | None
    push_since: datetime | None
    is_too_old: bool
    words: str


class DeliverySeen(BaseModel):
    """What became of a delivery.

    Attributes:
        cause: the record that caused it, as ``table:key``.
        kind: what it tells.
        provider: who was asked last; of a webhook, ``webhook:`` and the name of the endpoint.
        tries: number, result, code, reason and time of each try.
        reports: kind, detail and time of what the provider said of it since.
        is_digest: whether it is a digest, which tells of other events, too.
        left_out: why the digest does not tell of it; null: it does.
        words: all of this in words.
    """

    id: UUID
    cause: str
    kind: str
    user_id: UUID | None
    channel: str
    state: str
    next_attempt_at: datetime | None
    finished_at: datetime | None
    provider: str | None
    provider_id: str | None
    reason: str | None
    tries: list[dict[str, Any]]
    reports: list[dict[str, Any]]
    is_digest: bool
    left_out: str | None
    words: str


class WhyCause(BaseModel):
    """What became of everything that one record caused, or of one delivery.

    Attributes:
        cause: the record, as ``table:key``.
        row: of ``activity.notifications``; null for every other cause, and if it was deleted.
        next: what tells more; null if this is all.
    """

    cause: str
    row: RowSeen | None
    deliveries: list[DeliverySeen]
    next: str | None
