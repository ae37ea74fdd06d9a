import pytest

from pipeline.domain.dead_letter import MAX_REASON_CHARACTERS, DeadLetter
from pipeline.domain.errors import (
    HandlerFailed,
    InvalidEvent,
    NotJson,
    PermanentError,
    RejectedByDatabase,
)
from pipeline.domain.message import Message
from tests.builders import GREETED, message


def letter(
    error: PermanentError, *, of: Message | None = None, stage: str = "decode"
) -> DeadLetter:
    return DeadLetter.of(of or message(), stage, error)


def test_a_letter_says_where_and_why_and_keeps_the_message() -> None:
    received = message()
    buried = letter(RejectedByDatabase("a value is wrong", sqlstate="22000"), of=received)
    assert buried.message is received
    assert (buried.event_id, buried.event_type) == (1, GREETED)
    assert (buried.stage, buried.error_class) == ("decode", "RejectedByDatabase")
    assert buried.reason == "a value is wrong (SQLSTATE 22000)"


def test_a_reason_is_bounded() -> None:
    assert len(letter(NotJson("x" * 5_000)).reason) == MAX_REASON_CHARACTERS


def test_letters_of_one_event_have_one_key_whatever_went_wrong() -> None:
    first = letter(NotJson("a"), of=message(data=b"1", event_id="42"))
    second = letter(HandlerFailed("b"), of=message(data=b"2", event_id="42"), stage="decide")
    assert (first.key, second.key) == ("event:42", "event:42")


@pytest.mark.parametrize("claimed", [None, "0", "-1", "9" * 20, "abc"])
def test_a_message_that_names_no_event_is_its_own_key(claimed: str | None) -> None:
    buried = letter(NotJson("a"), of=message(event_id=claimed))
    assert buried.event_id is None
    assert buried.key.startswith("sha256:")
    assert buried.key == letter(NotJson("b"), of=message(event_id=claimed)).key


def test_messages_that_differ_in_anything_have_different_keys() -> None:
    messages = [
        Message(b"", {}),
        Message(b"a", {}),
        Message(b"", {"a": ""}),
        Message(b"", {"": "a"}),
        Message(b"", {"a": "b"}),
        Message(b"", {"a": "", "b": ""}),
    ]
    assert len({letter(NotJson(""), of=each).key for each in messages}) == len(messages)


def test_the_order_of_attributes_is_no_difference() -> None:
    keys = {
        letter(NotJson(""), of=Message(b"", attributes)).key
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
    assert letter(NotJson(one)).fingerprint == letter(NotJson(other)).fingerprint


def test_letters_with_different_causes_have_different_fingerprints() -> None:
    letters = [
        letter(NotJson("a")),
        letter(NotJson("b")),
        letter(InvalidEvent("a")),
        letter(NotJson("a"), stage="write"),
    ]
    assert len({each.fingerprint for each in letters}) == len(letters)


def test_neither_the_data_nor_the_attributes_show_in_a_letters_representation() -> None:
    received = message(data=b"kanarienvogel", note="kanarienvogel")
    assert "kanarienvogel" not in repr(letter(NotJson("a"), of=received))
