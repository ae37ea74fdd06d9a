"""What the database holds about one event, as the queries give it."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from pipeline.fanout.reasons import Reason


@dataclass(frozen=True, slots=True)
class EventRow:
    """The event, with the names of what it names where these are still there."""

    id: int
    type: str
    created_at: datetime
    age: timedelta
    actor_id: UUID | None
    actor_name: str | None
    project_id: UUID | None
    project_name: str | None
    thread_id: UUID | None
    thread_topic: str | None


@dataclass(frozen=True, slots=True)
class Ledger:
    """Its row in the ledger.

    Attributes:
        paused_at: since when it waits, if it does.
        held: whether a switch holds its type back now.
    """

    status: str
    reason: str | None
    error_message: str | None
    completed_at: datetime | None
    took: timedelta | None
    notifications: int | None
    emails: int | None
    pipeline_version: str | None
    paused_at: datetime | None
    held: bool


@dataclass(frozen=True, slots=True)
class EventLetter:
    """Its dead letter."""

    id: int
    stage: str
    error_class: str
    message: str
    fingerprint: str
    attempt: int
    created_at: datetime
    last_seen_at: datetime
    resolved_at: datetime | None
    resolution: str | None


@dataclass(frozen=True, slots=True)
class Received:
    """What someone got on a channel; ``since`` is when it was read, or sent."""

    user_id: UUID
    name: str | None
    channel: str
    what: str
    delivery: str | None
    status: str
    since: datetime | None


@dataclass(frozen=True, slots=True)
class SkipDetails:
    """Why someone got nothing on a channel.

    The preference that decided is given as it is now; ``scope_type`` is None where it is gone.
    ``counted_in`` is the text of the notification that counts the event, where one does.
    """

    user_id: UUID
    name: str | None
    channel: str
    reason: str
    preference_id: UUID | None
    scope_type: str | None
    scope_name: str | None
    preference_event_type: str | None
    preference_channel: str | None
    preference_status: str | None
    preference_since: datetime | None
    preference_changed: bool | None
    counted_in: str | None

    @property
    def told(self) -> bool:
        """Whether they were told after all, by the row of an earlier event."""
        return self.reason == Reason.COUNTED


@dataclass(frozen=True, slots=True)
class PersonAccount:
    """Someone and all that was decided about them; nothing was, if they were not considered."""

    id: UUID
    name: str | None
    received: Sequence[Received] = ()
    skips: Sequence[SkipDetails] = ()

    @property
    def label(self) -> str:
        """The name, or the id of someone without a profile."""
        return self.name or str(self.id)

    @property
    def told(self) -> bool:
        """Whether they heard of it on any channel."""
        return bool(self.received) or any(skip.told for skip in self.skips)

    @property
    def considered(self) -> bool:
        """Whether anything was decided about them."""
        return bool(self.received or self.skips)


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """Everything there is to say about one event.

    Attributes:
        event: the event.
        ledger: None if it was not processed yet.
        letter: its dead letter, if it ever had one.
        people: everyone who was considered; or the one person asked about, considered or not.
        audience: who may hear of its type, in words; None if the type has no handler.
    """

    event: EventRow
    ledger: Ledger | None
    letter: EventLetter | None
    people: Sequence[PersonAccount]
    audience: str | None


def by_person(received: Iterable[Received], skips: Iterable[SkipDetails]) -> list[PersonAccount]:
    """Everyone about whom anything was decided: those who were told first, by name."""
    got, not_got = list(received), list(skips)
    names = {row.user_id: row.name for row in got} | {row.user_id: row.name for row in not_got}
    people = [
        PersonAccount(
            user_id,
            name,
            [row for row in got if row.user_id == user_id],
            [row for row in not_got if row.user_id == user_id],
        )
        for user_id, name in names.items()
    ]
    return sorted(people, key=lambda person: (not person.told, person.label, person.id))
