from datetime import UTC, datetime, timedelta, timezone
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.domain.identifiers import EventId
from pipeline.domain.message import (
    ID_ATTRIBUTE,
    MAX_EVENT_ID,
    Message,
    event_id_of,
    message_for,
    rfc3339,
)
from pipeline.domain.wake_up import WakeUp
from tests.builders import NOON, message

CANARY: Final = "kanarienvogel"


@pytest.mark.parametrize(
    "claimed",
    [
        None, "", "0", "-1", "+1", " 1", "1 ", "1\n", "1.0", "1e3", "0x1", "1_000", "True", CANARY,
        "\N{ARABIC-INDIC DIGIT ONE}", "\N{SUPERSCRIPT TWO}", str(MAX_EVENT_ID + 1), "1" * 20,
        "9" * 5_000,
    ],
)  # fmt: skip
def test_what_is_not_a_positive_integer_of_64_bits_names_no_event(claimed: str | None) -> None:
    assert event_id_of(message(event_id=claimed)) is None
    assert WakeUp.of(message(event_id=claimed)).event_id is None


@pytest.mark.parametrize("event_id", [1, 10**10, MAX_EVENT_ID])
def test_a_message_names_its_event_whatever_else_it_says(event_id: int) -> None:
    for received in (
        message(event_id=str(event_id)),
        message(event_id=str(event_id), data=b""),
        message(event_id=str(event_id), data=b"\xff", event_type="\0", created_at=CANARY),
        message(event_id=str(event_id), data=b"7"),
    ):
        assert event_id_of(received) == event_id


def test_the_data_of_a_message_is_not_looked_at_for_an_id() -> None:
    assert event_id_of(Message(b"1", {})) is None


@given(st.dictionaries(st.just(ID_ATTRIBUTE) | st.text(), st.text()), st.binary())
def test_any_message_names_an_event_that_could_exist_or_none(
    attributes: dict[str, str], data: bytes
) -> None:
    event_id = event_id_of(Message(data, attributes))
    assert event_id is None or 0 < event_id <= MAX_EVENT_ID


def test_a_message_holds_the_id_of_its_event_and_little_else() -> None:
    assert message_for(EventId(7), NOON) == Message(
        b"7", {"id": "7", "dedup_id": "7", "created_at": "2026-03-02T12:00:00.000000Z"}
    )
    assert message_for(EventId(7)) == Message(b"7", {"id": "7", "dedup_id": "7"})


def test_a_message_of_a_replay_differs_by_a_mark_and_its_key() -> None:
    replayed = message_for(EventId(7), NOON, replay="r")
    assert dict(replayed.attributes) == {
        **message_for(EventId(7), NOON).attributes,
        "replay": "r",
        "dedup_id": "7:r",
    }
    assert event_id_of(replayed) == 7


@given(st.integers(1, MAX_EVENT_ID).map(EventId))
def test_a_message_names_the_event_that_it_is_for(event_id: EventId) -> None:
    assert event_id_of(message_for(event_id)) == event_id


def test_messages_that_repeat_one_another_share_a_key_and_those_of_a_replay_do_not() -> None:
    sent = message_for(EventId(7), NOON)
    again = message_for(EventId(7), NOON + timedelta(days=1))
    replays = [message_for(EventId(7), NOON, replay=name) for name in ("a", "b")]
    assert sent.dedup_key == again.dedup_key == message(event_id="7", data=b"{}").dedup_key
    assert len({each.dedup_key for each in (sent, *replays)}) == 3
    for each in (sent, again, *replays):
        assert each.dedup_key == each.attributes["dedup_id"]


def test_messages_without_an_id_share_a_key_only_where_they_are_alike() -> None:
    one, other = Message(b"a", {}), Message(b"b", {})
    assert one.dedup_key == Message(b"a", {}).dedup_key
    assert one.dedup_key != other.dedup_key


@pytest.mark.parametrize(
    ("moment", "written"),
    [
        (datetime(2026, 3, 2, 12, tzinfo=UTC), "2026-03-02T12:00:00.000000Z"),
        (datetime(2026, 3, 2, 12, 0, 0, 7, tzinfo=UTC), "2026-03-02T12:00:00.000007Z"),
        (
            datetime(2026, 3, 2, 14, tzinfo=timezone(timedelta(hours=2))),
            "2026-03-02T14:00:00.000000+02:00",
        ),
    ],
)
def test_a_time_is_written_to_the_microsecond_with_its_zone(moment: datetime, written: str) -> None:
    assert rfc3339(moment) == written


def test_the_representation_of_a_wake_up_shows_neither_message_nor_receipt() -> None:
    assert CANARY not in repr(WakeUp.of(message(data=CANARY.encode()), CANARY))
