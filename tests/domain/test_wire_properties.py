import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta, timezone
from typing import Final
from uuid import UUID

from hypothesis import example, given, settings
from hypothesis import strategies as st

from pipeline.domain.errors import MalformedMessage
from pipeline.domain.events import Event, Payload
from pipeline.domain.identifiers import EventId, EventType
from pipeline.domain.message import ID_ATTRIBUTE, TYPE_ATTRIBUTE, Message
from pipeline.domain.wire import MAX_EVENT_ID, decode, encode
from pipeline.handlers import HANDLERS
from tests.builders import GREETED, Greeted, message

PAYLOADS: Final[Mapping[EventType, type[Payload]]] = {
    GREETED: Greeted,
    **{name: handler.payload for name, handler in HANDLERS.items()},
}
COLUMNS: Final = ("actor_id", "project_id", "resource_id", "thread_id", "meeting_id")

event_types: Final = st.sampled_from(sorted(PAYLOADS))
json_values: Final = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
    | st.text() | st.uuids().map(str) | st.datetimes().map(str),
    lambda children: st.lists(children) | st.dictionaries(st.text(), children),
    max_leaves=8,
)  # fmt: skip
field_names: Final = st.sampled_from(
    sorted(
        {
            info.alias or name
            for model in PAYLOADS.values()
            for name, info in model.model_fields.items()
        }
    )
)
payloads: Final = st.dictionaries(field_names, json_values)
bodies: Final = st.fixed_dictionaries(
    {"created_at": st.just("2026-03-02T12:00:00Z") | json_values},
    optional={name: st.uuids().map(str) | json_values for name in COLUMNS}
    | {"payload": payloads | payloads.map(json.dumps) | json_values},
)
moments: Final = st.datetimes(
    datetime(2, 1, 1), datetime(9998, 1, 1),  # noqa: DTZ001 - the zone is drawn beside it
    timezones=st.just(UTC) | st.integers(-840, 840).map(lambda m: timezone(timedelta(minutes=m))),
)  # fmt: skip


def decodes_or_is_malformed(received: Message) -> None:
    try:
        event = decode(received, PAYLOADS)
    except MalformedMessage as error:
        assert str(error).isprintable()  # noqa: PT017 - either end is right, with a text
    else:
        assert event.message is received


@given(st.binary(), event_types)
def test_any_bytes_are_an_event_or_malformed(data: bytes, event_type: str) -> None:
    decodes_or_is_malformed(message(data=data, event_type=event_type))


@given(bodies, event_types)
@settings(max_examples=200)
@example({"created_at": "0001-01-01T00:00:00+14:00"}, GREETED)
def test_any_json_is_an_event_or_malformed(body: object, event_type: str) -> None:
    decodes_or_is_malformed(message(body, event_type=event_type))


@given(st.dictionaries(st.sampled_from([ID_ATTRIBUTE, TYPE_ATTRIBUTE]) | st.text(), st.text()))
def test_any_attributes_are_an_event_or_malformed(attributes: dict[str, str]) -> None:
    decodes_or_is_malformed(Message(message().data, attributes))


@given(
    event_id=st.integers(1, MAX_EVENT_ID).map(EventId),
    created_at=moments,
    columns=st.fixed_dictionaries({name: st.none() | st.uuids() for name in COLUMNS}),
    greeting=st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1),
)
def test_every_row_comes_back_as_it_was_sent(
    event_id: EventId,
    created_at: datetime,
    columns: dict[str, UUID | None],
    greeting: str,
) -> None:
    payload = json.dumps({"greeting": greeting})
    sent = encode(event_id, GREETED, {**columns, "created_at": created_at, "payload": payload})
    event = decode(sent, PAYLOADS)
    assert isinstance(event, Event)
    assert (event.id, event.type, event.created_at) == (event_id, GREETED, created_at)
    assert event.payload == Greeted(greeting=greeting)
    assert {name: getattr(event, name) for name in COLUMNS} == columns
