import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from typing import Any, Final
from uuid import UUID

from hypothesis import example, given, settings
from hypothesis import strategies as st

from pipeline.domain.errors import InvalidRow
from pipeline.domain.identifiers import EventId, EventType
from pipeline.domain.message import MAX_EVENT_ID
from pipeline.domain.payload import Payload
from pipeline.fanout.events import Event, Unrouted
from pipeline.fanout.handlers import HANDLERS
from pipeline.fanout.row import Row, decode, row_of
from tests.builders import GREETED, NOON, Greeted

PAYLOADS: Final[Mapping[EventType, type[Payload]]] = {
    GREETED: Greeted,
    **{name: handler.payload for name, handler in HANDLERS.items()},
}
COLUMNS: Final = ("actor_id", "project_id", "resource_id", "thread_id", "meeting_id")
PLAIN: Final = row_of(EventId(1), Greeted, GREETED, {}, NOON)

event_types: Final = st.sampled_from(sorted(PAYLOADS))
json_values: Final = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
    | st.text() | st.uuids().map(str) | st.datetimes().map(str),
    lambda children: st.lists(children) | st.dictionaries(st.text(), children),
    max_leaves=8,
)  # fmt: skip
field_names: Final = st.sampled_from(
    sorted({key for model in PAYLOADS.values() for key in model.keys()})  # noqa: SIM118 - no dict
)
payloads: Final = st.dictionaries(field_names, json_values)
ids: Final = st.none() | st.uuids()
rows: Final = st.builds(
    Row,
    id=st.integers(-(2**63), MAX_EVENT_ID).map(EventId),
    type=st.none() | event_types.map(EventType) | st.text(max_size=200).map(EventType),
    created_at=st.none() | st.integers(-(2**63), 2**63 - 1),
    actor_id=ids,
    project_id=ids,
    resource_id=ids,
    thread_id=ids,
    meeting_id=ids,
    payload_kind=st.sampled_from([None, "null", "object", "array", "string", "number", "boolean"]),
    payload_bytes=st.integers(0, 2**30),
    payload=st.none() | payloads.map(json.dumps) | st.text(),
    ignore_age=st.booleans(),
)
moments: Final = st.datetimes(
    datetime(2, 1, 1), datetime(9998, 1, 1),  # noqa: DTZ001 - the zone is drawn beside it
    timezones=st.just(UTC) | st.integers(-840, 840).map(lambda m: timezone(timedelta(minutes=m))),
)  # fmt: skip


def decodes_or_is_invalid(fetched: Row) -> None:
    try:
        event = decode(fetched, PAYLOADS)
    except InvalidRow as error:
        assert str(error).isprintable()  # noqa: PT017 - either end is right, with a text
    else:
        assert (event.id, event.type) == (fetched.id, fetched.type)
        assert isinstance(event, Unrouted) is (fetched.type not in PAYLOADS)


@given(rows)
@settings(max_examples=200)
def test_any_row_is_an_event_or_invalid(fetched: Row) -> None:
    decodes_or_is_invalid(fetched)


@given(payloads, event_types)
@settings(max_examples=200)
def test_any_payload_is_that_of_an_event_or_invalid(
    payload: dict[str, Any], event_type: EventType
) -> None:
    text = json.dumps(payload)
    decodes_or_is_invalid(replace(PLAIN, type=event_type, payload=text, payload_bytes=len(text)))


@given(st.text(), event_types)
@example('{"greeting": 1e400}', GREETED)
@example('{"greeting": ' + "9" * 5_000 + "}", GREETED)
def test_any_text_is_the_payload_of_an_event_or_invalid(text: str, event_type: EventType) -> None:
    decodes_or_is_invalid(replace(PLAIN, type=event_type, payload=f'{{"a": {text}}}'))


@given(
    event_id=st.integers(1, MAX_EVENT_ID).map(EventId),
    created_at=moments,
    columns=st.fixed_dictionaries({name: st.none() | st.uuids() for name in COLUMNS}),
    greeting=st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1),
)
def test_every_row_comes_back_as_it_was_inserted(
    event_id: EventId,
    created_at: datetime,
    columns: dict[str, UUID | None],
    greeting: str,
) -> None:
    inserted = row_of(event_id, Greeted, GREETED, {"greeting": greeting}, created_at, **columns)
    event = decode(inserted, PAYLOADS)
    assert isinstance(event, Event)
    assert (event.id, event.type, event.created_at) == (event_id, GREETED, created_at)
    assert event.payload == Greeted(greeting=greeting)
    assert {name: getattr(event, name) for name in COLUMNS} == columns
