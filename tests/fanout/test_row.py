import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from typing import Any, Final
from uuid import UUID

import pytest

from pipeline.domain.errors import InvalidEvent, InvalidRow, TooDeep, TooLarge
from pipeline.domain.identifiers import EventId, EventType
from pipeline.domain.payload import NullableText, Payload
from pipeline.fanout.events import Event, Unrouted
from pipeline.fanout.row import (
    MAX_DEPTH,
    MAX_PAYLOAD_BYTES,
    MAX_TYPE_CHARACTERS,
    Row,
    decode,
    row_of,
)
from tests.builders import GREETED, NOON, Greeted

CANARY: Final = "kanarienvogel"
PAYLOADS: Final[Mapping[EventType, type[Payload]]] = {GREETED: Greeted}
NOON_IN_MICROSECONDS: Final = int(NOON.timestamp()) * 1_000_000
SECOND: Final = 1_000_000
YEAR_0: Final = int(datetime(1, 1, 1, tzinfo=UTC).timestamp()) * SECOND - 1
YEAR_10000: Final = (int(datetime(9999, 12, 31, tzinfo=UTC).timestamp()) + 86_400) * SECOND


class Held(Payload):
    """A payload with a field that may hold anything."""

    anything: Any = None


HELD: Final[Mapping[EventType, type[Payload]]] = {GREETED: Held}


def row(**columns: Any) -> Row:  # noqa: ANN401 - each column has a type of its own
    """Return a greeting, by default without a payload."""
    return replace(Row(EventId(1), GREETED, NOON_IN_MICROSECONDS), **columns)


def holding(payload: object, **columns: Any) -> Row:  # noqa: ANN401
    """Return a greeting whose payload is this object, or this JSON text."""
    text = payload if isinstance(payload, str) else json.dumps(payload)
    held = {"payload_kind": "object", "payload_bytes": len(text), "payload": text}
    return row(**{**held, **columns})


def decoded(fetched: Row, payloads: Mapping[EventType, type[Payload]] = PAYLOADS) -> Event[Any]:
    event = decode(fetched, payloads)
    assert isinstance(event, Event)
    return event


def nested(containers: int) -> str:
    """Return a payload with this number of nested containers, and a value in the innermost."""
    return '{"anything": ' + "[" * (containers - 1) + "1" + "]" * (containers - 1) + "}"


NO_TIME: Final = "^created_at: a time in the years 1 to 9999 is needed$"
MALFORMED: Final = [
    pytest.param(row(type=None), InvalidEvent, "^event_type: a string is needed$", id="no type"),
    pytest.param(row(created_at=None), InvalidEvent, NO_TIME, id="no time, or an infinite one"),
    *(
        pytest.param(row(created_at=moment), InvalidEvent, NO_TIME, id=f"time {moment}")
        for moment in (YEAR_0, YEAR_10000, 2**63 - 1, -(2**63))
    ),
    *(
        pytest.param(row(payload_kind=kind), InvalidEvent, "^payload: an object is needed$",
                     id=f"payload {kind}")
        for kind in ("array", "boolean", "number", "string")
    ),
    pytest.param(row(payload_kind="object", payload_bytes=MAX_PAYLOAD_BYTES + 2048), TooLarge,
                 "^the used part of the payload has 4098 KB, more than 4096 KB: shorten it, then:"
                 r" python -m pipeline replay --event ID$",
                 id="over 4 MB used"),
    pytest.param(holding({"greeting": [CANARY]}), InvalidEvent,
                 "payload: greeting: a string is needed", id="payload field is a list"),
    pytest.param(holding({"greeting": True}), InvalidEvent, "payload: greeting: ",
                 id="payload field is a bool"),
    pytest.param(holding({"greeting": {CANARY: CANARY}}), InvalidEvent, "payload: greeting: ",
                 id="payload field is an object"),
    pytest.param(holding('{"greeting": 1e400}'), InvalidEvent,
                 "^payload: a number in it is too large$",
                 id="a number that no computer counts in"),
    pytest.param(holding(nested(MAX_DEPTH + 1)), TooDeep,
                 "^the used part of the payload is nested deeper than 32 levels: make it flatter, ",
                 id="33 deep"),
    pytest.param(holding('{"greeting": ' + '{"a":[' * 100 + f'"{CANARY}"' + "]}" * 100 + "}"),
                 TooDeep, "nested deeper", id="201 deep, of both kinds"),
    pytest.param(holding(nested(5_000)), TooDeep, "deeper than 32 levels", id="5,000 deep"),
]  # fmt: skip


@pytest.mark.parametrize(("fetched", "error_class", "reason"), MALFORMED)
def test_what_is_not_an_event_is_refused_for_a_reason_that_quotes_nothing(
    fetched: Row, error_class: type[InvalidRow], reason: str
) -> None:
    with pytest.raises(error_class, match=reason) as raised:
        decode(fetched, PAYLOADS)
    assert type(raised.value) is error_class
    assert CANARY not in str(raised.value)
    assert str(raised.value).isprintable()
    assert raised.value.__cause__ is None


def test_an_error_names_at_most_five_fields() -> None:
    class Wide(Payload):
        a: int = 0
        b: int = 0
        c: int = 0
        d: int = 0
        e: int = 0
        f: int = 0
        g: int = 0

    with pytest.raises(InvalidEvent, match=r"e: .*; and 2 more$") as raised:
        decode(holding(dict.fromkeys("abcdefg", CANARY)), {GREETED: Wide})
    assert "f:" not in str(raised.value)


def test_the_representation_of_a_row_does_not_show_its_payload() -> None:
    assert CANARY not in repr(holding({"greeting": CANARY}))


@pytest.mark.parametrize("event_id", [2**63 - 1, 10**10, -1])
def test_an_id_is_whatever_the_primary_key_is(event_id: int) -> None:
    assert decoded(row(id=EventId(event_id))).id == event_id


def test_the_longest_type_is_unrouted_like_any_other() -> None:
    longest = EventType("t" * MAX_TYPE_CHARACTERS)
    assert decode(row(type=longest), PAYLOADS) == Unrouted(id=EventId(1), type=longest)


def test_what_no_handler_knows_is_not_looked_into() -> None:
    for fetched in (row(created_at=None), row(payload_kind="array"), holding(nested(5_000))):
        unheard_of = replace(fetched, type=EventType("unheard_of"))
        assert isinstance(decode(unheard_of, PAYLOADS), Unrouted)


def test_the_keys_that_are_used_are_what_the_event_says() -> None:
    assert decoded(holding({"greeting": "hi"})).payload == Greeted(greeting="hi")


@pytest.mark.parametrize(
    "fetched",
    [row(), row(payload_kind="null"), holding({}), holding({"greeting": None}),
     holding({"greeting": ""})],
    ids=["NULL", "null", "an empty object", "a null", "an empty text"],
)  # fmt: skip
def test_a_payload_that_says_nothing_has_every_default(fetched: Row) -> None:
    assert decoded(fetched).payload == Greeted()


def test_text_that_merely_spells_the_escape_is_text() -> None:
    text = r"\u0000 and u0000"
    assert decoded(holding({"greeting": text})).payload.greeting == text


def test_control_characters_are_text() -> None:
    assert decoded(holding({"greeting": "\x01\x1f"})).payload.greeting == "\x01\x1f"


def test_the_deepest_allowed_nesting_is_read() -> None:
    assert decoded(holding(nested(MAX_DEPTH)), HELD).payload.anything != 1


@pytest.mark.parametrize("other", ["[" * 50, "{" * 50, '"[' * 50, "\\[" * 50, '\\"[' * 50])
def test_how_deep_an_event_may_be_does_not_depend_on_what_else_it_says(other: str) -> None:
    payload = json.dumps({"other": other})[:-1] + ", " + nested(MAX_DEPTH)[1:]
    assert decoded(holding(payload), HELD).payload.anything is not None
    with pytest.raises(TooDeep):
        decode(holding(json.dumps({"other": other})[:-1] + ", " + nested(MAX_DEPTH + 1)[1:]), HELD)


def test_a_wide_event_is_not_a_deep_one() -> None:
    wide = [[] for _ in range(1_000)]  # type: list[list[object]]
    assert decoded(holding({"anything": wide}), HELD).payload.anything == wide


def test_what_is_used_of_a_payload_may_have_a_megabyte() -> None:
    text = "x" * (MAX_PAYLOAD_BYTES - len('{"greeting": ""}'))
    fetched = holding({"greeting": text})
    assert fetched.payload_bytes == MAX_PAYLOAD_BYTES
    assert decoded(fetched).payload.greeting == text


@pytest.mark.parametrize(
    ("microseconds", "moment"),
    [
        (0, datetime(1970, 1, 1, tzinfo=UTC)),
        (-1, datetime(1969, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC)),
        (NOON_IN_MICROSECONDS + 123_456, NOON + timedelta(microseconds=123_456)),
        (YEAR_0 + 1, datetime(1, 1, 1, tzinfo=UTC)),
        (YEAR_10000 - 1, datetime(9999, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC)),
    ],
)
def test_a_time_is_kept_to_the_microsecond_and_in_utc(microseconds: int, moment: datetime) -> None:
    created_at = decoded(row(created_at=microseconds)).created_at
    assert (created_at, created_at.tzinfo) == (moment, UTC)


def test_what_a_replay_asked_for_is_told_the_event() -> None:
    assert decoded(row(ignore_age=True)).ignore_age
    assert not decoded(row()).ignore_age


def test_a_row_as_it_is_inserted_decodes_to_the_same_event() -> None:
    columns = {
        name: UUID(int=number)
        for number, name in enumerate(
            ("actor_id", "project_id", "resource_id", "thread_id", "meeting_id"), start=1
        )
    }
    created_at = datetime(2026, 3, 2, 14, 0, 0, 123456, tzinfo=timezone(timedelta(hours=2)))
    payload = {"greeting": "gr\u00fc\u00df dich", "unknown": 10**30}
    inserted = row_of(EventId(7), Greeted, GREETED, payload, created_at, **columns)
    assert decode(inserted, PAYLOADS) == Event(
        id=EventId(7),
        type=GREETED,
        created_at=created_at,
        payload=Greeted(greeting="gr\u00fc\u00df dich"),
        **columns,  # type: ignore[arg-type]
    )


def test_a_row_without_a_payload_is_told_from_one_with_an_empty_one() -> None:
    class Told(Payload):
        value: NullableText = "unset"

    without = row_of(EventId(1), Told, GREETED, None, NOON)
    empty = row_of(EventId(1), Told, GREETED, {}, NOON)
    null = row_of(EventId(1), Told, GREETED, {"value": None}, NOON)
    assert (without.payload_kind, empty.payload_kind) == (None, "object")
    values = [decoded(each, {GREETED: Told}).payload.value for each in (without, empty, null)]
    assert values == ["unset", "unset", None]
