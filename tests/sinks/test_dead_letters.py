from collections.abc import Iterator
from typing import Any, Final

import pytest
from google.cloud.pubsub_v1 import SubscriberClient

from local.pubsub import Emulator
from pipeline.domain.dead_letter import DeadLetter
from pipeline.domain.errors import ConfigurationError, HandlerFailed, NotJson, PermanentError
from pipeline.domain.message import REPLAY_ATTRIBUTE, Message
from pipeline.pubsub.publish import get_publisher
from pipeline.sinks.dead_letters import (
    MAX_ATTRIBUTE_BYTES,
    MAX_ATTRIBUTES,
    MAX_DATA_BYTES,
    to_message,
    write_dead_letters,
)
from pipeline.sinks.outcomes import STAGE as WRITE
from pipeline.sinks.outcomes import write_outcomes
from pipeline.transforms.decide import STAGE as DECIDE
from pipeline.transforms.decode import STAGE as DECODE
from tests.builders import BOB, GREETED, message, notification, outcome
from tests.local.pubsub.project import Project
from tests.sinks.conftest import Written

NOT_JSON: Final = NotJson("the message is not JSON")
OURS: Final = {
    "dead_letter_stage",
    "dead_letter_error",
    "dead_letter_reason",
    "dead_letter_fingerprint",
    "dead_letter_version",
}


def letter(of: Message | None = None, error: PermanentError = NOT_JSON) -> DeadLetter:
    return DeadLetter.of(of or message(), DECODE, error)


def write(written: Written, *letters: DeadLetter) -> None:
    write_dead_letters(written.settings, None, letters)


def test_a_letter_is_a_row_with_the_whole_message(written: Written) -> None:
    received = message(data=b"\x00\xff not JSON", note="gr\u00fc\u00df dich")
    buried = letter(received)
    write(written, buried)
    assert written.rows(
        "SELECT letter_key, event_id, event_type, stage, error_class, message, fingerprint,"
        " attempt, data, attributes, resolved_at FROM event_dead_letters"
    ) == [
        ("event:1", 1, GREETED, "decode", "NotJson", NOT_JSON.args[0], buried.fingerprint, 1,
         received.data, dict(received.attributes), None)
    ]  # fmt: skip


def test_the_ledger_says_that_the_event_is_dead_and_why(written: Written) -> None:
    write(written, letter())
    assert written.rows(
        "SELECT event_id, event_type, processing_status, reason, error_message"
        " FROM notification_processing"
    ) == [(1, GREETED, "dead", "NotJson", NOT_JSON.args[0])]


def test_a_letter_seen_again_is_one_row_with_another_attempt(written: Written) -> None:
    write(written, letter())
    with written.database.connect() as connection:
        connection.execute("UPDATE event_dead_letters SET resolved_at = now(), resolution = 'x'")
    write(written, letter(error=HandlerFailed("a bug")))
    assert written.rows(
        "SELECT attempt, error_class, resolved_at, resolution, last_seen_at > created_at"
        " FROM event_dead_letters"
    ) == [(2, "HandlerFailed", None, None, True)]
    assert written.rows("SELECT retry_count FROM notification_processing") == [(2,)]


def kept(written: Written) -> list[tuple[Any, ...]]:
    """What the one letter says, and the ledger with it."""
    return written.rows(
        "SELECT data, attributes ->> 'note', stage, error_class, letter.message, reason,"
        " error_message, attempt, retry_count"
        " FROM event_dead_letters AS letter JOIN notification_processing USING (event_id)"
    )


@pytest.mark.parametrize("stage", [DECODE, DECIDE, WRITE])
def test_a_malformed_duplicate_hides_neither_the_message_nor_its_cause(
    written: Written, stage: str
) -> None:
    sent = message(data=b"as it was sent", note="kept")
    write(written, DeadLetter.of(sent, stage, HandlerFailed("a bug")))
    write(written, letter(message(data=b"as it was sent, cut", note="lost")))
    assert kept(written) == [
        (sent.data, "kept", stage, "HandlerFailed", "a bug", "HandlerFailed", "a bug", 2, 2)
    ]


def test_an_event_that_comes_after_its_malformed_duplicate_takes_its_place(
    written: Written,
) -> None:
    write(written, letter(message(data=b"as it was sent, cut", note="lost")))
    sent = message(data=b"as it was sent", note="kept")
    write(written, DeadLetter.of(sent, DECIDE, HandlerFailed("a bug")))
    assert kept(written) == [
        (sent.data, "kept", DECIDE, "HandlerFailed", "a bug", "HandlerFailed", "a bug", 2, 2)
    ]


@pytest.mark.parametrize(
    "again",
    [message(data=b"as it was sent"), message(data=b"its row by now", **{REPLAY_ATTRIBUTE: "r"})],
    ids=["the same message", "a replay"],
)
def test_an_event_that_fails_earlier_than_it_did_says_so(written: Written, again: Message) -> None:
    sent = message(data=b"as it was sent")
    write(written, DeadLetter.of(sent, DECIDE, HandlerFailed("a bug")))
    write(written, letter(again))
    reason = NOT_JSON.args[0]
    assert kept(written) == [(again.data, None, DECODE, "NotJson", reason, "NotJson", reason, 2, 2)]


def test_a_duplicate_that_lost_an_attribute_is_malformed_too(written: Written) -> None:
    write(written, DeadLetter.of(message(note="kept"), DECIDE, HandlerFailed("a bug")))
    write(written, letter(message(event_type=None)))
    assert kept(written)[0][1:4] == ("kept", DECIDE, "HandlerFailed")


def test_a_letter_that_was_resolved_gives_way_to_whatever_comes_next(written: Written) -> None:
    write(written, DeadLetter.of(message(note="first"), DECIDE, HandlerFailed("a bug")))
    with written.database.connect() as connection:
        connection.execute("UPDATE event_dead_letters SET resolved_at = now(), resolution = 'x'")
    write(written, letter(message(data=b"other", note="again")))
    assert kept(written)[0][:4] == (b"other", "again", DECODE, "NotJson")


def test_one_event_twice_in_a_batch_is_one_attempt(written: Written) -> None:
    write(written, letter(), letter())
    assert written.rows("SELECT attempt FROM event_dead_letters") == [(1,)]


def test_of_two_in_a_batch_the_first_is_kept(written: Written) -> None:
    write(written, letter(message(data=b"first")), letter(message(data=b"second")))
    assert written.rows("SELECT data FROM event_dead_letters") == [(b"first",)]


def test_a_completed_event_stays_completed(written: Written) -> None:
    write_outcomes(written.settings, [outcome(1, (BOB, notification()))])
    once = written.contents()
    write(written, letter())
    assert written.contents() == once
    assert written.rows("SELECT event_id FROM event_dead_letters") == [(1,)]


def test_a_dead_event_is_completed_by_a_later_success(written: Written) -> None:
    write(written, letter())
    assert written.ledger() == {1: "dead"}
    write_outcomes(written.settings, [outcome(1, (BOB, notification()))])
    assert written.rows(
        "SELECT processing_status, reason, error_message FROM notification_processing"
    ) == [("completed", None, None)]
    assert written.rows("SELECT event_id FROM notifications") == [(1,)]


@pytest.mark.parametrize(
    "received",
    [
        pytest.param(Message(b"", {}), id="nothing at all"),
        pytest.param(message(event_id="abc"), id="no number"),
        pytest.param(message(event_id="1" * 20), id="a number too large"),
        pytest.param(message(event_id="999"), id="an event that does not exist"),
        pytest.param(
            Message(b"", {"id": "1", "event_type": "a\0b", "na\0me": "val\0ue"}),
            id="NUL everywhere",
        ),
        pytest.param(message(event_type="x" * 5_000, note="x" * 100_000), id="very long"),
        pytest.param(message(data=b"\0" * 300_000, event_id=None), id="much data"),
    ],
)
def test_whatever_a_message_is_it_can_be_buried(written: Written, received: Message) -> None:
    buried = letter(received)
    write(written, letter(message(event_id="2")), buried)
    assert sorted(written.rows("SELECT letter_key FROM event_dead_letters")) == sorted(
        [("event:2",), (buried.key,)]
    )
    known = buried.event_id == 1
    assert written.ledger() == {2: "dead"} | ({1: "dead"} if known else {})


def test_no_letters_write_nothing(written: Written) -> None:
    write(written)
    assert written.rows("SELECT count(*) FROM event_dead_letters") == [(0,)]


def test_what_is_published_says_what_went_wrong_beside_the_message() -> None:
    buried = letter(message(data=b"abc", note="kept"))
    published = to_message(buried)
    assert published.data == b"abc"
    assert set(published.attributes) == {"id", "event_type", "note"} | OURS
    assert published.attributes["dead_letter_reason"] == buried.reason
    assert published.attributes["note"] == "kept"


def test_what_is_published_has_no_more_attributes_than_pubsub_takes() -> None:
    received = Message(b"", {f"name{number}": "value" for number in range(MAX_ATTRIBUTES)})
    published = to_message(letter(received))
    assert len(published.attributes) == MAX_ATTRIBUTES == 100
    assert set(published.attributes) >= OURS


def test_a_letter_published_before_keeps_what_it_said_before_of_the_message_only() -> None:
    first = to_message(letter())
    again = to_message(DeadLetter.of(first, "write", HandlerFailed("a bug")))
    assert set(again.attributes) == set(first.attributes)
    assert again.attributes["dead_letter_stage"] == "write"


@pytest.mark.parametrize("character", ["a", "\u00fc", "\u20ac", "\U0001f600"])
@pytest.mark.parametrize("shift", range(4))
def test_a_long_attribute_is_cut_between_characters(character: str, shift: int) -> None:
    value = "a" * shift + character * 2_000
    cut = to_message(letter(message(note=value))).attributes["note"]
    assert value.startswith(cut)
    room = MAX_ATTRIBUTE_BYTES - len(cut.encode())
    assert 0 <= room < len(character.encode())


def test_a_long_reason_is_cut_as_well() -> None:
    cut = to_message(letter(error=NotJson("\u20ac" * 1_000))).attributes["dead_letter_reason"]
    assert len(cut.encode()) == 1_023


def test_attributes_that_google_keeps_for_itself_are_left_out() -> None:
    named = {"googclient_x": "1", "goog": "2", "google": "3", "Goog": "4", "agoog": "5"}
    published = to_message(letter(Message(b"", named)))
    assert set(published.attributes) - OURS == {"Goog", "agoog"}


def test_data_is_cut_to_what_a_message_may_have() -> None:
    received = message(data=b"x" * (MAX_DATA_BYTES + 1))
    assert len(to_message(letter(received)).data) == MAX_DATA_BYTES


@pytest.fixture
def project(monkeypatch: pytest.MonkeyPatch) -> Iterator[Project]:
    """A topic on an emulator that the process's own publisher talks to."""
    with Emulator() as emulator:
        monkeypatch.setenv("PUBSUB_EMULATOR_HOST", emulator.address)
        get_publisher.cache_clear()
        publisher, subscriber = get_publisher(), SubscriberClient()
        with publisher, subscriber:
            yield Project(publisher, subscriber)
            publisher.stop()
        get_publisher.cache_clear()


def test_letters_are_published_once_they_are_recorded(written: Written, project: Project) -> None:
    worst = Message(
        b"data", {f"name{number}": "\u20ac" * 2_000 for number in range(MAX_ATTRIBUTES)}
    )
    letters = [letter(), letter(worst)]
    write_dead_letters(written.settings, project.topic, letters)
    received = {item.message.data: dict(item.message.attributes) for item in project.pull()}
    assert received == {sent.data: dict(sent.attributes) for sent in map(to_message, letters)}
    assert written.rows("SELECT count(*) FROM event_dead_letters") == [(2,)]


def test_a_topic_that_does_not_exist_is_named_and_the_letter_is_recorded(
    written: Written, project: Project
) -> None:
    missing = f"{project.path}/topics/missing"
    with pytest.raises(ConfigurationError, match=f"^{missing} does not exist: create it"):
        write_dead_letters(written.settings, missing, [letter()])
    assert written.rows("SELECT count(*) FROM event_dead_letters") == [(1,)]
