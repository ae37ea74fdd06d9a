"""What the database holds about deliveries that no event caused, or about one delivery."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from pipeline.domain.units import moment
from pipeline.ops.why import words
from pipeline.ops.why.account import DeliveryDetails

_PUSH: Final = "python -m pipeline run --graph push"


@dataclass(frozen=True, slots=True)
class CausedDelivery(DeliveryDetails):
    """What became of a delivery. It calls an endpoint by its name, or by its id once removed.

    Attributes:
        cause: the record that caused it, as ``table:key``.
        kind: what it tells: an event type, or a type of mail or of notification.
    """

    cause: str
    kind: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ActivityRow:
    """How a row of ``activity.notifications`` stands. Its text is not read.

    Attributes:
        user_id: who is told; the nil UUID is everyone.
        created_at: None also if no program can read the time; so is ``deliver_at``.
        taken_at: when push made its deliveries; None: it did not.
        last_error: what failed last, after the name of the channel on which it did.
        push_since: since when push is switched on; None: it is not.
        is_too_old: whether it is older than that, so that push never takes it.
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


@dataclass(frozen=True, slots=True, kw_only=True)
class CauseAccount:
    """What became of everything that one record caused, or of one delivery.

    Attributes:
        cause: the record, as ``table:key``.
        row: of ``activity.notifications``; None for every other cause, and if it was deleted.
        deliveries: in the order in which they were made; digests that tell of them come last.
    """

    cause: str
    row: ActivityRow | None
    deliveries: Sequence[CausedDelivery]

    @property
    def state(self) -> str | None:
        """How the row of ``activity.notifications`` stands, in words; None without a row."""
        return None if self.row is None else _state(self.row, has_deliveries=bool(self.deliveries))

    @property
    def advice(self) -> str | None:
        """What tells more; None if this is all."""
        table, _, key = self.cause.partition(":")
        return f"python -m pipeline why --event {key}" if table == "domain_events" else None


def _state(row: ActivityRow, *, has_deliveries: bool) -> str:
    if row.taken_at is not None:
        since = _since_taken(row, has_deliveries=has_deliveries)
        return f"push took it {moment(row.taken_at)}{since}"
    if row.is_processed:
        return "not sent: it was marked as processed before push took it"
    if row.push_since is None:
        return f"not sent: push is not switched on yet; its first run does that: {_PUSH}"
    if row.is_too_old:
        return f"not sent: it is older than push, which is on since {moment(row.push_since)}"
    return f"waits until push takes it: {_PUSH}"


def _since_taken(row: ActivityRow, *, has_deliveries: bool) -> str:
    if has_deliveries:
        return ", and all has ended" if row.is_processed else ""
    if row.last_error is not None:
        return f", and told nobody: {row.last_error}"
    return "; its deliveries were deleted since then"


def cause_document(account: CauseAccount) -> dict[str, Any]:
    """Return the JSON object of an account. Times and UUIDs are left to the encoder."""
    return {
        "cause": account.cause,
        "row": None if account.row is None else {**asdict(account.row), "words": account.state},
        "deliveries": [
            {**asdict(each), "words": words.outcome_of(each)} for each in account.deliveries
        ],
        "next": account.advice,
    }
