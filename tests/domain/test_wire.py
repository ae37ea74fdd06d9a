import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final
from uuid import UUID

import pytest

from pipeline.domain.errors import (
    ForbiddenCharacter,
    InvalidEvent,
    MalformedMessage,
    MissingAttribute,
    NotJson,
    TooDeep,
    TooLarge,
)
from pipeline.domain.events import Event, Payload, Unrouted
from pipeline.domain.identifiers import EventId, EventType
from pipeline.domain.message import Message
from pipeline.domain.wire import MAX_BYTES, MAX_DEPTH, MAX_EVENT_ID, decode, encode
from tests.builders import GREETED, NOON, Greeted, message

CANARY: Final = "kanarienvogel"
CREATED: Final = {"created_at": NOON.isoformat()}
PAYLOADS: Final[Mapping[EventType, type[Payload]]] = {GREETED: Greeted}


def decoded(received: Message) -> Event[Any]:
    event = decode(received, PAYLOADS)
    assert isinstance(event, Event)
    return event


def body(**columns: object) -> Message:
    return message({**CREATED, **columns})


def nested(containers: int) -> dict[str, Any]:
    """A body with so many containers, one in the other, and a value in the innermost."""
    value: Any = 1
    for _ in range(containers - 1):
        value = [value]
    return {**CREATED, "extra": value}


MALFORMED: Final = [
    pytest.param(message(event_id=None), MissingAttribute, "'id' is missing", id="no id"),
    *(
        pytest.param(
            message(event_id=claimed), MissingAttribute, "'id' is not a positive integer",
            id=f"id {claimed!r}",
        )
        for claimed in (
            "", "0", "-1", "+1", " 1", "1.0", "1e3", "0x1", "1_000", "True", CANARY,
            "\N{ARABIC-INDIC DIGIT ONE}", "\N{SUPERSCRIPT TWO}", str(MAX_EVENT_ID + 1), "1" * 20,
        )
    ),
    pytest.param(message(event_type=None), MissingAttribute, "'event_type' is missing",
                 id="no type"),
    pytest.param(message(event_type=""), MissingAttribute, "'event_type' is missing",
                 id="empty type"),
    pytest.param(message(event_type=CANARY * 20), TooLarge, "over 200 characters", id="long type"),
    pytest.param(message(event_type=f"{CANARY}\0"), ForbiddenCharacter, r"holds U\+0000",
                 id="NUL in the type"),
    pytest.param(message(data=b""), NotJson, "the message is not JSON", id="no data"),
    pytest.param(message(data=CANARY.encode()), NotJson, "the message is not JSON: .* character",
                 id="not JSON"),
    pytest.param(message(data=CANARY.encode() + b"\xff"), NotJson, "not JSON", id="not UTF-8"),
    pytest.param(message(data=b'{"created_at": NaN}'), NotJson, "not JSON", id="NaN"),
    pytest.param(message(data=b'{"a": "' + CANARY.encode() + rb'\ud800"}'), NotJson, "not JSON",
                 id="half a character"),
    pytest.param(message([CANARY]), InvalidEvent, "the message: an object is needed", id="list"),
    pytest.param(message(CANARY), InvalidEvent, "the message: an object is needed", id="text"),
    pytest.param(message(data=b"null"), InvalidEvent, "an object is needed", id="null"),
    pytest.param(message({}), InvalidEvent, "created_at: Field required", id="no created_at"),
    pytest.param(body(created_at=None), InvalidEvent, "created_at: ", id="created_at null"),
    pytest.param(body(created_at=CANARY), InvalidEvent, "created_at: [^,]* valid datetime or date$",
                 id="created_at is a word"),
    pytest.param(body(created_at=True), InvalidEvent, "created_at: ", id="created_at is a bool"),
    *(
        pytest.param(
            body(**{column: CANARY}), InvalidEvent, f"{column}: Input should be a valid UUID$",
            id=f"{column} is a word",
        )
        for column in ("actor_id", "project_id", "resource_id", "thread_id", "meeting_id")
    ),
    pytest.param(body(actor_id=7), InvalidEvent, "actor_id: ", id="actor_id is a number"),
    pytest.param(body(actor_id=CANARY, project_id=CANARY), InvalidEvent,
                 "actor_id: .*; project_id: ", id="two columns at fault"),
    *(
        pytest.param(body(payload=value), InvalidEvent, "payload: an object is needed",
                     id=f"payload {json.dumps(value)}")
        for value in ([CANARY], 1, True, "[]", f'"{CANARY}"', "1", "true")
    ),
    pytest.param(body(payload=""), NotJson, "payload is not JSON", id="payload empty text"),
    pytest.param(body(payload=CANARY), NotJson, "payload is not JSON", id="payload is a word"),
    pytest.param(body(payload={"greeting": [CANARY]}), InvalidEvent,
                 "payload: greeting: Input should be a valid string", id="payload field is a list"),
    pytest.param(body(payload={"greeting": True}), InvalidEvent, "payload: greeting: ",
                 id="payload field is a bool"),
    pytest.param(body(name=f"{CANARY}\0"), ForbiddenCharacter, r"the message holds U\+0000",
                 id="NUL in a value"),
    pytest.param(message({**CREATED, f"{CANARY}\0": 1}), ForbiddenCharacter, r"holds U\+0000",
                 id="NUL in a key"),
    pytest.param(body(a=[{"b": [f"{CANARY}\0"]}]), ForbiddenCharacter, r"holds U\+0000",
                 id="NUL deep down"),
    pytest.param(body(payload=f'{{"greeting": "{CANARY}\0"}}'), ForbiddenCharacter,
                 r"the message holds U\+0000", id="NUL in the payload's text"),
    pytest.param(body(payload=json.dumps({"greeting": f"{CANARY}\0"})), ForbiddenCharacter,
                 r"payload holds U\+0000", id="NUL escaped in the payload's text"),
    pytest.param(body(payload={f"{CANARY}\0": 1}), ForbiddenCharacter, r"holds U\+0000",
                 id="NUL in a key of the payload"),
    pytest.param(message(nested(MAX_DEPTH + 1)), TooDeep, "deeper than 32 levels", id="33 deep"),
    pytest.param(message(data=b"[" * 5_000), TooDeep, "deeper than 32 levels", id="5,000 deep"),
    pytest.param(body(payload=json.dumps(nested(MAX_DEPTH + 1))), TooDeep,
                 "payload is nested deeper", id="payload 33 deep"),
    pytest.param(message(data=b" " * (MAX_BYTES + 1)), TooLarge, "an event may have 256 KB",
                 id="one byte too many"),
]  # fmt: skip


@pytest.mark.parametrize(("received", "error_class", "reason"), MALFORMED)
def test_what_is_not_an_event_is_refused_for_a_reason_that_quotes_nothing(
    received: Message, error_class: type[MalformedMessage], reason: str
) -> None:
    with pytest.raises(error_class, match=reason) as raised:
        decode(received, PAYLOADS)
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
        decode(body(payload=dict.fromkeys("abcdefg", CANARY)), {GREETED: Wide})
    assert "f:" not in str(raised.value)


def test_the_largest_id_is_an_id() -> None:
    assert decoded(message(event_id=str(MAX_EVENT_ID))).id == MAX_EVENT_ID


def test_the_longest_type_is_unrouted_like_any_other() -> None:
    received = message(event_type="t" * 200)
    assert decode(received, PAYLOADS) == Unrouted(
        id=EventId(1), type=EventType("t" * 200), message=received
    )


def test_what_no_handler_knows_is_not_looked_into() -> None:
    assert isinstance(decode(message(data=b"\xff", event_type="unheard_of"), PAYLOADS), Unrouted)


@pytest.mark.parametrize(
    "payload",
    ['{"greeting": "hi"}', {"greeting": "hi"}, {"greeting": "hi", "unknown": [1]}],
    ids=["text", "object", "unknown key"],
)
def test_a_payload_is_json_text_or_an_object(payload: object) -> None:
    assert decoded(body(payload=payload)).payload == Greeted(greeting="hi")


@pytest.mark.parametrize("payload", [None, "null", {}, "{}"], ids=repr)
def test_a_payload_that_says_nothing_has_every_default(payload: object) -> None:
    assert decoded(body(payload=payload)).payload == Greeted()


def test_a_message_without_payload_has_every_default() -> None:
    assert decoded(body()).payload == Greeted()


def test_text_that_merely_spells_the_escape_is_text() -> None:
    text = r"\u0000 and u0000"
    assert decoded(body(payload=json.dumps({"greeting": text}))).payload.greeting == text


def test_other_control_characters_are_text() -> None:
    assert decoded(body(payload={"greeting": "\x01\x1f"})).payload.greeting == "\x01\x1f"


def test_the_deepest_allowed_nesting_is_read() -> None:
    assert decoded(message(nested(MAX_DEPTH))).created_at == NOON


@pytest.mark.parametrize("other", ["u0000", "[", "{"])
def test_how_deep_an_event_may_be_does_not_depend_on_what_else_it_says(other: str) -> None:
    assert decoded(message({**nested(MAX_DEPTH), "other": other})).created_at == NOON


def test_a_wide_event_is_not_a_deep_one() -> None:
    assert decoded(body(extra=[[] for _ in range(1_000)])).created_at == NOON


def test_a_message_may_have_256_kilobytes() -> None:
    data = message().data
    assert decoded(message(data=data + b" " * (MAX_BYTES - len(data)))).created_at == NOON


def test_a_time_without_zone_is_utc() -> None:
    assert decoded(body(created_at="2026-03-02T12:00:00")).created_at == NOON


def test_a_time_with_a_zone_is_the_same_moment_in_utc() -> None:
    moment = decoded(body(created_at="2026-03-02T14:00:00+02:00")).created_at
    assert (moment, moment.tzinfo) == (NOON, UTC)


@pytest.mark.parametrize("moment", ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00"])
def test_a_time_that_utc_cannot_express_is_refused(moment: str) -> None:
    with pytest.raises(InvalidEvent, match="created_at"):
        decode(body(created_at=moment), PAYLOADS)


def test_what_is_encoded_decodes_to_the_same_event() -> None:
    columns = {
        name: UUID(int=number)
        for number, name in enumerate(
            ("actor_id", "project_id", "resource_id", "thread_id", "meeting_id"), start=1
        )
    }
    created_at = datetime(2026, 3, 2, 12, 0, 0, 123456, tzinfo=UTC)
    sent = encode(
        EventId(7), GREETED,
        {**columns, "created_at": created_at, "payload": '{"greeting": "gr\u00fc\u00df dich"}'},
    )  # fmt: skip
    assert decode(sent, PAYLOADS) == Event(
        id=EventId(7),
        type=GREETED,
        created_at=created_at,
        payload=Greeted(greeting="gr\u00fc\u00df dich"),
        message=sent,
        **columns,  # type: ignore[arg-type]
    )
