"""What the database holds about one event, as the queries return it."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from pipeline.fanout.reasons import Reason


@dataclass(frozen=True, slots=True)
class EventRow:
    """The event, with the names of its actor, project and thread if these still exist.

    Attributes:
        is_past: the event is below the mark of retention. Without a ledger row it is finished.
    """

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
    is_past: bool


@dataclass(frozen=True, slots=True)
class Ledger:
    """The event's row in the ledger.

    Attributes:
        paused_at: since when the event waits as paused; None if it does not.
        held: whether a switch holds back its event type now.
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
    """The event's dead letter, open or resolved."""

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
    """What a person got on a channel. ``since`` is when it was read or sent."""

    user_id: UUID
    name: str | None
    channel: str
    what: str
    delivery: str | None
    status: str
    since: datetime | None


@dataclass(frozen=True, slots=True)
class DeliveryDetails:
    """What became of what is sent to a person on a channel.

    Attributes:
        id: of the delivery.
        user_id: of the person.
        channel: the way out, such as ``email``.
        state: as in the ledger.
        next_attempt_at: when it is tried next, if it has not ended.
        finished_at: when it ended.
        provider: who was asked last.
        provider_id: what the provider calls it.
        reason: why it failed last, or was not sent; text for people.
        tries: number, result, code, reason and time (``at``) of each try.
        reports: kind, detail and time (``at``) of what the provider said of it since.
        is_digest: whether it is a digest, which tells of other events, too.
        left_out: why the digest does not tell of this event; None: it does.
    """

    id: UUID
    user_id: UUID | None
    channel: str
    state: str
    next_attempt_at: datetime | None
    finished_at: datetime | None
    provider: str | None
    provider_id: str | None
    reason: str | None
    tries: Sequence[Mapping[str, Any]]
    reports: Sequence[Mapping[str, Any]]
    is_digest: bool
    left_out: str | None


@dataclass(frozen=True, slots=True)
class EndpointDelivery(DeliveryDetails):
    """What became of a webhook.

    Attributes:
        endpoint: the name of the endpoint; None: it was removed.
    """

    endpoint: str | None


@dataclass(frozen=True, slots=True)
class SkipDetails:
    """Why a person got nothing on a channel.

    The preference that decided is shown as it is now. ``scope_type`` is None if it was deleted.
    ``counted_in`` is the text of the notification that counts the event, if one does.
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
        """Whether the notification of an earlier event told the person."""
        return self.reason == Reason.COUNTED


@dataclass(frozen=True, slots=True)
class PersonAccount:
    """One person, what they got and what they did not get. Both are empty if not considered.

    ``deliveries`` says what became of what is sent to them.
    """

    id: UUID
    name: str | None
    received: Sequence[Received] = ()
    skips: Sequence[SkipDetails] = ()
    deliveries: Sequence[DeliveryDetails] = ()

    @property
    def label(self) -> str:
        """The person's name, or their id if they have no profile."""
        return self.name or str(self.id)

    @property
    def told(self) -> bool:
        """Whether the person was told on any channel."""
        return bool(self.received) or any(skip.told for skip in self.skips)

    @property
    def considered(self) -> bool:
        """Whether a decision about the person exists."""
        return bool(self.received or self.skips)


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """Everything known about one event.

    Attributes:
        event: the event.
        ledger: its row in the ledger; None if it was not processed yet, or long ago.
        letter: its dead letter; None if it never had one.
        people: everyone who was considered, or only the person asked about, considered or not.
        audience: who may hear of its event type, in words; None if the type has no handler.
        people_after: the last person of an account that was cut; None if nobody was left out.
        endpoints: what went to endpoints of other systems; none if one person was asked about.
    """

    event: EventRow
    ledger: Ledger | None
    letter: EventLetter | None
    people: Sequence[PersonAccount]
    audience: str | None
    people_after: UUID | None = None
    endpoints: Sequence[EndpointDelivery] = ()


def cut(
    received: Sequence[Received], skips: Sequence[SkipDetails], most: int | None
) -> tuple[list[Received], list[SkipDetails], UUID | None]:
    """Leave out people whose rows may be incomplete: of each kind only ``most`` rows were read.

    Returns:
        The rows of the people who are complete, and the last of these; None if that is everyone.
    """
    ends = []
    for rows in (received, skips):
        if most is not None and len(rows) >= most:
            # The rows of this person may go on after the last one that was read.
            incomplete = rows[-1].user_id
            complete = (row.user_id for row in rows if row.user_id != incomplete)
            ends.append(max(complete, default=incomplete))
    if not ends:
        return list(received), list(skips), None
    last = min(ends)
    return (
        [row for row in received if row.user_id <= last],
        [row for row in skips if row.user_id <= last],
        last,
    )


def by_person(
    received: Iterable[Received],
    skips: Iterable[SkipDetails],
    deliveries: Sequence[DeliveryDetails] = (),
) -> list[PersonAccount]:
    """Group the rows by person: people who were told come first, each group sorted by name."""
    names: dict[UUID, str | None] = {}
    got: defaultdict[UUID, list[Received]] = defaultdict(list)
    not_got: defaultdict[UUID, list[SkipDetails]] = defaultdict(list)
    sent: defaultdict[UUID | None, list[DeliveryDetails]] = defaultdict(list)
    for item in received:
        names[item.user_id] = item.name
        got[item.user_id].append(item)
    for skip in skips:
        names[skip.user_id] = skip.name
        not_got[skip.user_id].append(skip)
    for delivery in deliveries:
        sent[delivery.user_id].append(delivery)
    people = [
        PersonAccount(each, name, got[each], not_got[each], sent[each])
        for each, name in names.items()
    ]
    return sorted(people, key=lambda person: (not person.told, person.label, person.id))
