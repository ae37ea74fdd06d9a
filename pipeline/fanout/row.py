"""One fetched row of ``domain_events``, and how to decode it.

A ``Row`` goes in. An ``Event`` or an ``Unrouted`` comes out, or ``InvalidRow`` is raised. Only the
payload keys that the handler of the type uses are read. All other keys may hold any value of any
size.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from uuid import UUID

import orjson

from pipeline.domain.errors import InvalidEvent, TooDeep, TooLarge
from pipeline.domain.exact import keep_exact
from pipeline.domain.identifiers import (
    EventId,
    EventType,
    MeetingId,
    ProjectId,
    ResourceId,
    ThreadId,
)
from pipeline.domain.identifiers import UserId as ActorId
from pipeline.domain.payload import Payload
from pipeline.domain.validated import validated
from pipeline.fanout.events import Event, Unrouted

Payloads = Mapping[EventType, type[Payload]]

# The limit of the used part of a payload, as JSON text.
MAX_PAYLOAD_BYTES: Final = 4 * 1024 * 1024
# A longer text is cut when it is fetched: nobody reads that much in a notification.
MAX_TEXT_CHARACTERS: Final = 256 * 1024
MAX_DEPTH: Final = 32
# A longer type has no handler. Only its beginning is recorded.
MAX_TYPE_CHARACTERS: Final = 200

_NO_TIME: Final = "created_at: a time in the years 1 to 9999 is needed"
# The placeholder ID keeps the text the same for every event, so that all are one cause. The command
# ``why`` shows the real id.
_REPLAY: Final = "then: python -m pipeline replay --event ID"
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Row:
    """The columns of one event, in types that can hold every value of Postgres.

    Attributes:
        id: the primary key.
        type: the first ``MAX_TYPE_CHARACTERS`` of the type; None for NULL.
        created_at: microseconds since 1970 in UTC; None for NULL, infinity, and after 9999.
        actor_id: the value of the column, as for the other ids.
        payload_kind: the JSON type of the payload, from ``jsonb_typeof``; None for NULL, and if the
            event type has no handler.
        payload_bytes: the size of the used part of the payload.
        payload: the used part of the payload, as JSON text; None if it is not an object, or too
            large.
        ignore_age: whether a replay asked to process the event at any age.
        paused_at: the time since which the event waits for a switch, in the form of ``created_at``;
            None if it does not wait.
    """

    id: EventId
    type: EventType | None
    created_at: int | None
    actor_id: UUID | None = None
    project_id: UUID | None = None
    resource_id: UUID | None = None
    thread_id: UUID | None = None
    meeting_id: UUID | None = None
    payload_kind: str | None = None
    payload_bytes: int = 0
    payload: str | None = field(default=None, repr=False)
    ignore_age: bool = False
    paused_at: int | None = None


def row_of(
    event_id: EventId,
    model: type[Payload],
    event_type: EventType,
    payload: Mapping[str, Any] | None,
    created_at: datetime,
    **columns: Any,  # noqa: ANN401 - as they stand in the table
) -> Row:
    """Make the row that is fetched after a producer inserted it. For tests and the catalogue.

    Args:
        event_id: the primary key.
        model: the payload model. Its keys are the used keys.
        event_type: the type.
        payload: the payload of the producer.
        created_at: a time with a zone.
        **columns: ``actor_id`` and the other ids.
    """
    keys = model.keys()
    used = {key: value for key, value in (payload or {}).items() if key in keys}
    text = orjson.dumps(used).decode()
    plain = Row(
        event_id,
        event_type,
        (created_at - _EPOCH) // timedelta(microseconds=1),
        payload_kind=None if payload is None else "object",
        payload_bytes=len(text),
        payload=text,
    )
    return replace(plain, **columns)


def decode(row: Row, payloads: Payloads) -> Event[Payload] | Unrouted:
    """Decode a row to an event.

    Args:
        row: the row.
        payloads: the payload model of every event type that has a handler.

    Returns:
        The event; or ``Unrouted`` if its type has no handler (then nothing else is read).

    Raises:
        InvalidRow: the row is invalid. The text names the invalid fields, never their values.
    """
    if row.type is None:
        raise InvalidEvent("event_type: a string is needed")
    model = payloads.get(row.type)
    if model is None:
        return Unrouted(id=row.id, type=row.type)
    return Event(
        id=row.id,
        type=row.type,
        created_at=_moment(row.created_at),
        payload=validated(model, keep_exact(_payload(row), row.payload or "", model.exact_keys)),
        actor_id=None if row.actor_id is None else ActorId(row.actor_id),
        project_id=None if row.project_id is None else ProjectId(row.project_id),
        resource_id=None if row.resource_id is None else ResourceId(row.resource_id),
        thread_id=None if row.thread_id is None else ThreadId(row.thread_id),
        meeting_id=None if row.meeting_id is None else MeetingId(row.meeting_id),
        ignore_age=row.ignore_age,
        paused_at=None if row.paused_at is None else _moment(row.paused_at),
    )


def _moment(microseconds: int | None) -> datetime:
    if microseconds is None:
        raise InvalidEvent(_NO_TIME)
    try:
        return _EPOCH + timedelta(microseconds=microseconds)
    except OverflowError:
        raise InvalidEvent(_NO_TIME) from None


def _payload(row: Row) -> dict[str, Any]:
    match row.payload_kind:
        case None | "null":
            return {}
        case "object" if row.payload is not None:
            return _object(row.payload)
        case "object":
            size, limit = -(-row.payload_bytes // 1024), MAX_PAYLOAD_BYTES // 1024
            raise TooLarge(
                f"the used part of the payload has {size} KB, more than {limit} KB:"
                f" shorten it, {_REPLAY}"
            )
        case _:
            raise InvalidEvent("payload: an object is needed")


def _object(text: str) -> dict[str, Any]:
    if text.count("{") + text.count("[") > MAX_DEPTH and _is_too_deep(text):
        raise TooDeep(
            f"the used part of the payload is nested deeper than {MAX_DEPTH} levels:"
            f" make it flatter, {_REPLAY}"
        )
    try:
        value = orjson.loads(text)
    except orjson.JSONDecodeError:
        # Postgres wrote the JSON, so only a number beyond the range of a float can be invalid.
        raise InvalidEvent("payload: a number in it is too large") from None
    if not isinstance(value, dict):
        raise InvalidEvent("payload: an object is needed")
    return value


def _is_too_deep(text: str) -> bool:
    depth, quoted, escaped = 0, False, False
    for character in text:
        if escaped:
            escaped = False
        elif quoted:
            escaped = character == "\\"
            quoted = character != '"'
        elif character == '"':
            quoted = True
        elif character in "{[":
            depth += 1
            if depth > MAX_DEPTH:
                return True
        elif character in "}]":
            depth -= 1
    return False
