"""The mails that the sample events lead to, decided by the real handlers without a database."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any, Final

import orjson

from pipeline.domain.identifiers import EventId, OrganisationId, ProjectId, ThreadId, UserId
from pipeline.fanout.audience import NamedUser, ResumeOwner
from pipeline.fanout.effects import Delivery, Email
from pipeline.fanout.events import Event
from pipeline.fanout.facts import Facts, Person, Project, Thread
from pipeline.fanout.handler import Handler
from pipeline.fanout.row import decode, row_of
from pipeline.mail.brand import Brand
from pipeline.mail.material import Update
from pipeline.ops.sample import ids
from pipeline.ops.sample.chat import left_unread
from pipeline.ops.sample.documents import uploaded
from pipeline.ops.sample.event import SampleEvent
from pipeline.ops.sample.people import DOCUMENTS, PEOPLE, PROJECTS, THREADS, email
from pipeline.ops.sample.projects import changed, joined

SAMPLE_BRAND: Final = Brand(
    name="Harborline",
    base_url="https://app.harborline.example/dashboard",
    postal_address="1 Example Street, Springfield",
)
SAMPLE_UNSUBSCRIBE: Final = "https://notify.harborline.example/unsubscribe/sample"
_USUAL: Final = "tomas"
_FACTS: Final = Facts(
    people={
        UserId(ids.person(key)): Person(UserId(ids.person(key)), item.full_name, email(key))
        for key, item in PEOPLE.items()
    },
    projects={
        ProjectId(ids.project(key)): Project(
            ProjectId(ids.project(key)),
            item.name,
            OrganisationId(ids.organisation(item.organisation)),
        )
        for key, item in PROJECTS.items()
    },
    threads={
        ThreadId(ids.thread(key)): Thread(
            ThreadId(ids.thread(key)), item.topic, ProjectId(ids.project(item.project))
        )
        for key, item in THREADS.items()
    },
)


def sample_update(
    handler: Handler[Any], events: Iterable[SampleEvent], person: str | None, now: datetime
) -> tuple[str, Update, Delivery] | None:
    """Return whom the first of the events mails, what, and when it is sent.

    Args:
        handler: the handler of an event type.
        events: the sample events; only those of this type are used.
        person: a person of the sample; None for the one whom the event names.
        now: when the events happened.

    Returns:
        None if no event mails anything.
    """
    for sample in events:
        if sample.event_type != handler.event_type:
            continue
        event = _event(handler, sample, now)
        key = person or _named(handler, event)
        for effect in handler.decide(event, _FACTS.people[UserId(ids.person(key))], _FACTS):
            if isinstance(effect, Email):
                return key, _update(handler, effect), effect.delivery
    return None


def digest_events(reader: str, now: datetime) -> list[SampleEvent]:
    """Return sample events for one digest: of three projects, and of several types."""
    uploads = [
        uploaded("maya", key, size=1_000_000)
        for key, item in DOCUMENTS.items()
        if item.resource_type == "FILE"
    ]
    unread = [
        left_unread(reader, key, "jonas", count=count, now=now)
        for count, key in enumerate(THREADS, start=2)
    ]
    return [
        *uploads,
        *unread,
        changed("maya", reader, "mill", "view", "edit"),
        joined("leo", invited_by="maya"),
    ]


def sample_person(key: str) -> tuple[str, str]:
    """Return the address and the name of a person of the sample."""
    return email(key), PEOPLE[key].full_name or ""


def _event(handler: Handler[Any], sample: SampleEvent, now: datetime) -> Event[Any]:
    row = row_of(
        EventId(1),
        handler.payload,
        handler.event_type,
        sample.payload,
        now,
        actor_id=sample.actor_id,
        project_id=sample.project_id,
        resource_id=sample.resource_id,
        thread_id=sample.thread_id,
        meeting_id=sample.meeting_id,
    )
    event = decode(row, {handler.event_type: handler.payload})
    if not isinstance(event, Event):
        raise TypeError(f"{handler.event_type} was not decoded")
    return event


def _named(handler: Handler[Any], event: Event[Any]) -> str:
    audience = handler.audience(event)
    if isinstance(audience, NamedUser | ResumeOwner):
        for key in PEOPLE:
            if ids.person(key) == audience.user_id:
                return key
    return _USUAL


def _update(handler: Handler[Any], mail: Email) -> Update:
    # As the row is read later: an id in it is a text.
    data = orjson.loads(orjson.dumps(dict(mail.data)))
    return Update(
        event_type=handler.event_type,
        subject=mail.subject,
        data=data,
        project_id=mail.project_id,
        project_name=mail.project_name,
    )
