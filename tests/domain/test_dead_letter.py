import pytest

from pipeline.domain.dead_letter import MAX_REASON_CHARACTERS, DeadLetter
from pipeline.domain.errors import (
    HandlerFailed,
    InvalidEvent,
    MissingAttribute,
    PermanentError,
    RejectedByDatabase,
    TooDeep,
    UnknownEvent,
)
from pipeline.domain.identifiers import EventId
from pipeline.domain.message import Message
from tests.builders import GREETED, message


def letter(error: PermanentError, *, event_id: int = 1, stage: str = "decode") -> DeadLetter:
    return DeadLetter.of_event(EventId(event_id), GREETED, stage, error)


def without_row(received: Message) -> DeadLetter:
    return DeadLetter.of_message(received, "fetch", MissingAttribute("'id' is missing"))


def test_a_letter_of_an_event_says_where_and_why_and_keeps_no_message() -> None:
    buried = letter(RejectedByDatabase("a value is wrong", sqlstate="22000"))
    assert (buried.event_id, buried.event_type) == (1, GREETED)
    assert (buried.stage, buried.error_class) == ("decode", "RejectedByDatabase")
    assert buried.reason == "a value is wrong (SQLSTATE 22000)"
    assert buried.message is None


def test_a_letter_of_a_message_without_a_row_keeps_the_message_and_believes_only_its_id() -> None:
    received = message(event_id="7", data=b"{}", event_type="greeted")
    buried = DeadLetter.of_message(received, "fetch", UnknownEvent("no row"))
    assert buried.message is received
    assert (buried.event_id, buried.event_type) == (7, None)
    assert (buried.stage, buried.error_class, buried.reason) == ("fetch", "UnknownEvent", "no row")


def test_a_reason_is_bounded() -> None:
    long = InvalidEvent("x" * 5_000)
    assert len(letter(long).reason) == MAX_REASON_CHARACTERS
    assert len(DeadLetter.of_message(message(), "fetch", long).reason) == MAX_REASON_CHARACTERS


def test_letters_of_one_event_have_one_key_whatever_went_wrong() -> None:
    received = message(event_id="42", data=b"2")
    letters = [
        letter(InvalidEvent("a"), event_id=42),
        letter(HandlerFailed("b"), event_id=42, stage="decide"),
        DeadLetter.of_message(received, "fetch", UnknownEvent("c")),
    ]
    assert {each.key for each in letters} == {"event:42"}


@pytest.mark.parametrize("claimed", [None, "0", "-1", "9" * 20, "abc"])
def test_a_message_that_names_no_event_is_its_own_key(claimed: str | None) -> None:
    buried = without_row(message(event_id=claimed))
    assert buried.event_id is None
    assert buried.key.startswith("sha256:")
    again = DeadLetter.of_message(message(event_id=claimed), "other", UnknownEvent("b"))
    assert buried.key == again.key


def test_messages_that_differ_in_anything_have_different_keys() -> None:
    messages = [
        Message(b"", {}),
        Message(b"a", {}),
        Message(b"", {"a": ""}),
        Message(b"", {"": "a"}),
        Message(b"", {"a": "b"}),
        Message(b"", {"a": "", "b": ""}),
    ]
    assert len({without_row(each).key for each in messages}) == len(messages)


def test_the_order_of_attributes_is_no_difference() -> None:
    keys = {
        without_row(Message(b"", attributes)).key
        for attributes in ({"a": "1", "b": "2"}, {"b": "2", "a": "1"})
    }
    assert len(keys) == 1


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("nothing at character 7", "nothing at character 1234"),
        ("handler at line 0x1f", "handler at line 0xABC"),
        ("mentioned_user_ids.3: no", "mentioned_user_ids.17: no"),
    ],
)
def test_letters_with_one_cause_share_a_fingerprint_whatever_the_numbers(
    one: str, other: str
) -> None:
    assert letter(InvalidEvent(one)).fingerprint == letter(InvalidEvent(other)).fingerprint


def test_letters_with_different_causes_have_different_fingerprints() -> None:
    letters = [
        letter(InvalidEvent("a")),
        letter(InvalidEvent("b")),
        letter(TooDeep("a")),
        letter(InvalidEvent("a"), stage="write"),
    ]
    assert len({each.fingerprint for each in letters}) == len(letters)


def test_neither_the_data_nor_the_attributes_show_in_a_letters_representation() -> None:
    received = message(data=b"kanarienvogel", note="kanarienvogel")
    assert "kanarienvogel" not in repr(without_row(received))
