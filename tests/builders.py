"""Events, people, facts and outcomes for tests: a test states only the values that it needs."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, ClassVar, Final
from uuid import UUID

from pipeline.domain.identifiers import EventId, EventType, ProjectId, ThreadId, UserId
from pipeline.domain.message import ID_ATTRIBUTE, Message
from pipeline.domain.payload import Payload
from pipeline.fanout.audience import Audience, NamedUser
from pipeline.fanout.effects import Channel, Delivery, Effect, Email, Notification, ThreadActivity
from pipeline.fanout.events import Event
from pipeline.fanout.facts import Candidate, Facts, Person
from pipeline.fanout.handler import Handler
from pipeline.fanout.outcome import Outcome, Skip, Status
from pipeline.fanout.preferences import Preference, PreferenceRow, Scope
from pipeline.fanout.reasons import Reason

NOON: Final = datetime(2026, 3, 2, 12, tzinfo=UTC)
GREETED: Final = EventType("greeted")

ANN: Final = UserId(UUID(int=0xA))
BOB: Final = UserId(UUID(int=0xB))
TOWER: Final = ProjectId(UUID(int=0x10))
GENERAL: Final = ThreadId(UUID(int=0x20))


class Greeted(Payload):
    """The payload of an event type that exists only in tests."""

    greeting: str = "hello"


class GreetedHandler(Handler[Greeted]):
    """Notifies Bob of every greeting: in the app, and by e-mail at once."""

    event_type = GREETED
    payload = Greeted
    channels: ClassVar[tuple[Channel, ...]] = (Channel.IN_APP, Channel.EMAIL)
    preference = Preference("greeted", Scope.THREAD)

    def audience(self, event: Event[Greeted]) -> Audience:  # noqa: ARG002 - always the same
        return NamedUser(BOB)

    def excluded_user(self, event: Event[Greeted]) -> UserId | None:
        return event.actor_id

    def decide(
        self,
        event: Event[Greeted],
        person: Person,  # noqa: ARG002
        facts: Facts,  # noqa: ARG002
    ) -> Iterable[Effect]:
        yield notification(title=event.payload.greeting)
        yield email()


def message(*, data: bytes = b"1", event_id: str | None = "1", **attributes: str) -> Message:
    """A change data capture message; the arguments override its values."""
    named = {ID_ATTRIBUTE: event_id, **attributes}
    return Message(data, {name: value for name, value in named.items() if value is not None})


def event(
    event_id: int = 1,
    *,
    payload: Payload | None = None,
    **columns: Any,  # noqa: ANN401 - each column has a type of its own
) -> Event[Any]:
    """An event for the handler above, created at noon."""
    plain = Event(
        id=EventId(event_id),
        type=GREETED,
        created_at=NOON,
        payload=payload or Greeted(),
    )
    return replace(plain, **columns)


def person(user_id: UserId = BOB, full_name: str | None = "Bob") -> Person:
    """A person with a profile."""
    return Person(user_id, full_name, f"{user_id}@x.test")


def facts(
    *user_ids: UserId,
    without_access: Iterable[UserId] = (),
    without_profile: Iterable[UserId] = (),
    rows: Mapping[UserId, list[PreferenceRow]] | None = None,
) -> Facts:
    """Facts in which these people are the audience of event 1."""
    denied, unknown = set(without_access), set(without_profile)
    return Facts(
        candidates={
            EventId(1): [
                Candidate(user, Reason.NO_ACCESS if user in denied else None) for user in user_ids
            ]
        },
        people={user: person(user) for user in user_ids if user not in unknown},
        preferences=rows or {},
    )


def preference(
    status: str = "muted",
    *,
    number: int = 1,
    scope: Scope = Scope.GLOBAL,
    scope_id: UUID | None = None,
    event_type: str = "*",
    channel: str = "*",
    updated_at: datetime = NOON,
) -> PreferenceRow:
    """One row of preferences; by default it mutes everything."""
    return PreferenceRow(UUID(int=number), scope, scope_id, event_type, channel, status, updated_at)


def notification(*, title: str = "Hello", kind: str = "greeted", **payload: object) -> Notification:
    """A notification."""
    return Notification(
        title=title, body="Someone greets you", link="/", kind=kind, payload=payload
    )


def activity(thread_id: ThreadId = GENERAL) -> ThreadActivity:
    """One more message in a thread."""
    return ThreadActivity(
        thread_id=thread_id,
        thread_name="general",
        label="#general",
        project_name="Tower",
        link="/chat",
    )


def email(delivery: Delivery = Delivery.IMMEDIATE, **data: object) -> Email:
    """A queued e-mail without a project."""
    return Email(delivery=delivery, subject="Hello", data=data, project_id=None, project_name=None)


def outcome(
    event_id: int = 1,
    *effects: tuple[UserId, Effect],
    skips: tuple[Skip, ...] = (),
    status: Status = Status.COMPLETED,
) -> Outcome:
    """The outcome of an event."""
    return Outcome(
        event_id=EventId(event_id),
        event_type=GREETED,
        status=status,
        effects=effects,
        skips=skips,
    )
