"""Previews: every type of mail, written for people of the sample, without a database."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from pipeline.domain.errors import UsageError
from pipeline.domain.identifiers import EventType
from pipeline.fanout.effects import Channel, Delivery
from pipeline.fanout.handlers import HANDLERS
from pipeline.mail.brand import Brand
from pipeline.mail.compose import compose
from pipeline.mail.material import (
    Composed,
    Digest,
    Immediate,
    Material,
    Recipient,
    Transactional,
    Update,
)
from pipeline.mail.transactional import TRANSACTIONAL
from pipeline.ops.sample.added import added_events
from pipeline.ops.sample.events import of_a_type_unknown_to_us, sample_events
from pipeline.ops.sample.mails import (
    SAMPLE_UNSUBSCRIBE,
    digest_events,
    sample_person,
    sample_update,
)
from pipeline.ops.sample.people import PEOPLE, PROJECTS

DIGEST: Final = "digest"
# An event type without words of its own.
GENERAL: Final = "general"
_USUAL: Final = "tomas"


@dataclass(frozen=True, slots=True)
class MailPreview:
    """One mail, as it would be sent.

    Attributes:
        type: an event type, ``digest``, ``general``, or the type of a transactional mail.
        person: the recipient's key in the sample, such as ``maya``.
        mail: the mail.
    """

    type: str
    person: str
    mail: Composed


def mail_types() -> list[str]:
    """Return what can be previewed, in alphabetical order, event types first."""
    mailed = sorted(name for name, handler in HANDLERS.items() if Channel.EMAIL in handler.channels)
    return [*mailed, DIGEST, GENERAL, *sorted(TRANSACTIONAL)]


def check_type(name: str) -> None:
    """Raise UsageError unless there are mails of this type."""
    types = mail_types()
    if name not in types:
        raise UsageError(f"invalid type {name[:80]!r}: expected {', '.join(types)}")


def preview_mails(
    brand: Brand, only: str | None = None, person: str | None = None
) -> list[MailPreview]:
    """Write mails of all types, or of one, for the person whom each concerns, or for one.

    An event type whose handler never mails its sample event is left out.

    Raises:
        UsageError: there is no such type or person.
    """
    types = mail_types()
    if only is not None:
        check_type(only)
    if person is not None and person not in PEOPLE:
        raise UsageError(f"invalid person {person!r}: expected {', '.join(PEOPLE)}")
    now = datetime.now(UTC)
    return [
        preview
        for name in types
        if only in (None, name) and (preview := _preview(brand, name, person, now))
    ]


def sample_material(name: str, person: str | None, now: datetime) -> tuple[str, Material] | None:
    """Return what a mail of a type is made of, and the key of the person whom it concerns.

    Args:
        name: one of ``mail_types``.
        person: a person of the sample; None for the one whom it concerns.
        now: when the events happened.

    Returns:
        None if the sample event of the type mails nothing.
    """
    found = _of_event(EventType(name), person, now) if name in HANDLERS else None
    if name in TRANSACTIONAL:
        found = person or _USUAL, Transactional(name, TRANSACTIONAL[name].example)
    elif name == DIGEST:
        found = person or _USUAL, Digest(_waiting(person or _USUAL, now))
    elif name == GENERAL:
        found = person or _USUAL, Immediate(_unknown())
    return found


def _preview(brand: Brand, name: str, person: str | None, now: datetime) -> MailPreview | None:
    found = sample_material(name, person, now)
    if found is None:
        return None
    key, material = found
    recipient = Recipient(*sample_person(key))
    mail = compose(material, recipient, brand, unsubscribe_url=SAMPLE_UNSUBSCRIBE)
    return MailPreview(name, key, mail)


def _of_event(
    event_type: EventType, person: str | None, now: datetime
) -> tuple[str, Material] | None:
    sample = sample_events(now)
    events = [*sample, *added_events(HANDLERS.values(), sample)]
    found = sample_update(HANDLERS[event_type], events, person, now)
    if found is None:
        return None
    key, update, delivery = found
    return key, Immediate(update) if delivery is Delivery.IMMEDIATE else Digest([update])


def _waiting(reader: str, now: datetime) -> list[Update]:
    found = (
        sample_update(HANDLERS[EventType(event.event_type)], [event], reader, now)
        for event in digest_events(reader, now)
    )
    return [each[1] for each in found if each]


def _unknown() -> Update:
    event = of_a_type_unknown_to_us()
    return Update(
        event_type=EventType(event.event_type),
        subject=f"Underwriting report ready - {PROJECTS['harbor'].name}",
        data={"link_url": f"/project/workspace/{event.project_id}"},
        project_name=PROJECTS["harbor"].name,
    )
