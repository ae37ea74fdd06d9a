"""The wire format: what a message must look like to be an event.

In goes a ``Message`` as the outbox router of Debezium writes it: attributes ``id`` (the event's
primary key, decimal) and ``event_type``, and two that only Dataflow's source reads; data is a JSON
object with the row's other columns, the payload among them as a JSON text of its own. Out comes an
``Event`` or an ``Unrouted``, or a ``MalformedMessage`` is raised.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Annotated, Any, Final, TypeVar
from uuid import UUID

import orjson
from pydantic import AfterValidator, BaseModel, ConfigDict, ValidationError
from pydantic_core import PydanticCustomError

from pipeline.domain.errors import (
    ForbiddenCharacter,
    InvalidEvent,
    MissingAttribute,
    NotJson,
    TooDeep,
    TooLarge,
)
from pipeline.domain.events import Event, Payload, Unrouted
from pipeline.domain.exact import keep_exact
from pipeline.domain.identifiers import EventId, EventType
from pipeline.domain.message import (
    DEDUP_ATTRIBUTE,
    ID_ATTRIBUTE,
    TIME_ATTRIBUTE,
    TYPE_ATTRIBUTE,
    Message,
)

ModelT = TypeVar("ModelT", bound=BaseModel)

# Of ``domain_events``, in the order in which our statements read them after the id and the type.
COLUMNS: Final = (
    "created_at",
    "actor_id",
    "project_id",
    "resource_id",
    "thread_id",
    "meeting_id",
    "payload",
)
MAX_BYTES: Final = 256 * 1024
MAX_DEPTH: Final = 32
MAX_EVENT_ID: Final = 2**63 - 1
MAX_TYPE_CHARACTERS: Final = 200
FIELDS_NAMED_IN_AN_ERROR: Final = 5


def _in_utc(moment: datetime) -> datetime:
    if moment.tzinfo is None:
        return moment.replace(tzinfo=UTC)
    try:
        return moment.astimezone(UTC)
    except OverflowError:
        raise PydanticCustomError("time_range", "the time is out of range") from None


class _Columns(BaseModel):
    """The columns of ``domain_events`` beside the id, the type and the payload."""

    model_config = ConfigDict(extra="ignore", hide_input_in_errors=True)

    created_at: Annotated[datetime, AfterValidator(_in_utc)]
    actor_id: UUID | None = None
    project_id: UUID | None = None
    resource_id: UUID | None = None
    thread_id: UUID | None = None
    meeting_id: UUID | None = None


def decode(
    message: Message, payloads: Mapping[EventType, type[Payload]]
) -> Event[Payload] | Unrouted:
    """Turn a message into the event it carries.

    Args:
        message: as received.
        payloads: the payload model of every event type that has a handler.

    Returns:
        The event, or ``Unrouted`` when no handler knows its type (its data is not looked into).

    Raises:
        MalformedMessage: with a text that names the fields at fault, never their values.
    """
    event_id = _event_id(message)
    event_type = _event_type(message)
    if len(message.data) > MAX_BYTES:
        size, limit = len(message.data) // 1024, MAX_BYTES // 1024
        raise TooLarge(f"the message has {size} KB, an event may have {limit} KB")
    model = payloads.get(event_type)
    if model is None:
        return Unrouted(id=event_id, type=event_type, message=message)
    body = _object(message.data, "the message")
    columns = _validated(_Columns, body, "the message")
    payload = _validated(model, _payload(body, model.exact_keys), "payload")
    return Event(id=event_id, type=event_type, payload=payload, message=message, **columns.__dict__)


def encode(event_id: EventId, event_type: EventType, columns: Mapping[str, Any]) -> Message:
    """Write the message that the change data capture would have sent for a row.

    Args:
        event_id: the row's primary key.
        event_type: the row's type.
        columns: the other columns; ``payload`` is JSON text or None, as Postgres stores it, and
            ``created_at`` a ``datetime`` or RFC 3339; None for one that neither can express.
    """
    created_at = columns["created_at"]
    if isinstance(created_at, datetime):
        created_at = rfc3339(created_at)
    body = {"type": event_type, **columns, "created_at": created_at}
    attributes = {
        ID_ATTRIBUTE: str(event_id),
        TYPE_ATTRIBUTE: event_type,
        DEDUP_ATTRIBUTE: str(event_id),
        TIME_ATTRIBUTE: created_at,
    }
    present = {name: value for name, value in attributes.items() if value is not None}
    return Message(orjson.dumps(body), present)


def rfc3339(moment: datetime) -> str:
    """A time as change data capture writes it, to the microsecond."""
    return moment.isoformat(timespec="microseconds").replace("+00:00", "Z")


def event_id_of(message: Message) -> EventId | None:
    """The id that a message claims, or None when it claims none that could exist."""
    text = message.attributes.get(ID_ATTRIBUTE, "")
    if not (text.isascii() and text.isdecimal() and len(text) <= len(str(MAX_EVENT_ID))):
        return None
    number = int(text)
    return EventId(number) if 0 < number <= MAX_EVENT_ID else None


def _event_id(message: Message) -> EventId:
    event_id = event_id_of(message)
    if event_id is None:
        state = "is not a positive integer" if ID_ATTRIBUTE in message.attributes else "is missing"
        raise MissingAttribute(f"the attribute {ID_ATTRIBUTE!r} {state}")
    return event_id


def _event_type(message: Message) -> EventType:
    event_type = message.attributes.get(TYPE_ATTRIBUTE, "")
    if not event_type:
        raise MissingAttribute(f"the attribute {TYPE_ATTRIBUTE!r} is missing")
    if len(event_type) > MAX_TYPE_CHARACTERS:
        raise TooLarge(
            f"the attribute {TYPE_ATTRIBUTE!r} has over {MAX_TYPE_CHARACTERS} characters"
        )
    if "\0" in event_type:
        raise ForbiddenCharacter(f"the attribute {TYPE_ATTRIBUTE!r} holds U+0000")
    return EventType(event_type)


def _payload(body: Mapping[str, Any], exact: frozenset[str]) -> dict[str, Any]:
    """The payload, which the router sends as JSON text, and people by hand as an object."""
    payload = body.get("payload")
    if isinstance(payload, str) and payload != "null":
        return keep_exact(_object(payload.encode(), "payload"), payload, exact)
    if isinstance(payload, dict):
        return payload
    if payload is None or payload == "null":
        return {}
    raise InvalidEvent("payload: an object is needed")


def _object(text: bytes, what: str) -> dict[str, Any]:
    try:
        value = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        if "depth" in error.msg or "recursion" in error.msg:
            raise TooDeep(f"{what} is nested deeper than {MAX_DEPTH} levels") from None
        raise NotJson(f"{what} is not JSON: {error.msg} at character {error.pos}") from None
    if not isinstance(value, dict):
        raise InvalidEvent(f"{what}: an object is needed")
    # Counting is far cheaper than walking, and for nearly every message settles it.
    if b"u0000" in text or text.count(b"{") + text.count(b"[") > MAX_DEPTH:
        _check_values(value, what)
    return value


def _check_values(value: dict[str, Any], what: str) -> None:
    """Refuse what JSON allows and Postgres, or a later reader, does not."""
    level: list[dict[str, Any] | list[Any]] = [value]
    for _ in range(MAX_DEPTH):
        children = [child for container in level for child in _children(container)]
        if any(isinstance(child, str) and "\0" in child for child in children):
            raise ForbiddenCharacter(f"{what} holds U+0000, which Postgres cannot store")
        level = [child for child in children if isinstance(child, dict | list)]
        if not level:
            return
    raise TooDeep(f"{what} is nested deeper than {MAX_DEPTH} levels")


def _children(container: dict[str, Any] | list[Any]) -> list[Any]:
    return [*container.keys(), *container.values()] if isinstance(container, dict) else container


def _validated(model: type[ModelT], value: object, what: str) -> ModelT:
    try:
        return model.model_validate(value)
    except ValidationError as error:
        faults = error.errors(include_url=False, include_context=False, include_input=False)
        # What pydantic says after the first comma may hold a piece of the value.
        named = [f"{_path(fault['loc'])}: {fault['msg'].partition(', ')[0]}" for fault in faults]
        more = len(named) - FIELDS_NAMED_IN_AN_ERROR
        tail = [f"and {more} more"] if more > 0 else []
        listed = "; ".join(named[:FIELDS_NAMED_IN_AN_ERROR] + tail)
        raise InvalidEvent(f"{what}: {listed}") from None


def _path(location: tuple[int | str, ...]) -> str:
    return ".".join(str(part) for part in location) or "(whole)"
