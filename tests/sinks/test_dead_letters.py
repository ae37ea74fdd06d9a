from typing import Any, Final

import pytest

from pipeline.domain.dead_letter import DeadLetter
from pipeline.domain.errors import (
    ConfigurationError,
    HandlerFailed,
    InvalidEvent,
    MissingAttribute,
    PermanentError,
    RejectedByDatabase,
    UnknownEvent,
)
from pipeline.domain.identifiers import EventId, EventType
from pipeline.domain.message import Message
from pipeline.sinks.dead_letters import MAX_ATTRIBUTE_BYTES, to_message, write_dead_letters
from pipeline.sinks.ledger import mark_dead
from pipeline.sinks.outcomes import write_outcomes
from pipeline.steps.decide import STAGE as DECIDE
from pipeline.steps.decode import STAGE as DECODE
from pipeline.steps.fetch import STAGE as FETCH
from tests.builders import BOB, GREETED, message, notification, outcome
from tests.local.pubsub.project import Project
from tests.sinks.conftest import Written

CANARY: Final = "kanarienvogel"
INVALID: Final = InvalidEvent("payload: greeting: a string is needed")
OURS: Final = {
    "dead_letter_key",
    "dead_letter_stage",
    "dead_letter_error",
    "dead_letter_reason",
    "dead_letter_fingerprint",
    "dead_letter_version",
}


def letter(
    event_id: int = 1,
    error: PermanentError = INVALID,
    *,
    event_type: str | None = GREETED,
    stage: str = DECODE,
) -> DeadLetter:
    """Return the dead letter of an event that has a row."""
    return DeadLetter.of_event(EventId(event_id), event_type, stage, error)


def unknown(of: Message) -> DeadLetter:
    """Return the dead letter of a message that has no row."""
    named = "id" in of.attributes
    error = UnknownEvent("no row") if named else MissingAttribute("the attribute 'id' is missing")
    return DeadLetter.of_message(of, FETCH, error)


def write(written: Written, *letters: DeadLetter) -> None:
    write_dead_letters(written.settings, None, letters, mark_dead)


def test_a_letter_of_an_event_is_a_row_that_says_why_and_keeps_no_message(written: Written) -> None:
    buried = letter()
    write(written, buried)
    assert written.rows(
        "SELECT letter_key, event_id, event_type, stage, error_class, message, fingerprint,"
        " attempt, data, attributes, resolved_at FROM event_dead_letters"
    ) == [
        ("event:1", 1, GREETED, "decode", "InvalidEvent", INVALID.args[0], buried.fingerprint, 1,
         None, None, None)
    ]  # fmt: skip


@pytest.mark.parametrize(("claimed", "event_id"), [("999", 999), (None, None), ("abc", None)])
def test_a_letter_of_a_message_without_a_row_keeps_the_whole_message(
    written: Written, claimed: str | None, event_id: int | None
) -> None:
    received = message(event_id=claimed, data=b"\x00\xff not JSON", note="gr\u00fc\u00df dich")
    buried = unknown(received)
    write(written, buried)
    assert written.rows(
        "SELECT letter_key, event_id, event_type, stage, data, attributes FROM event_dead_letters"
    ) == [(buried.key, event_id, None, "fetch", received.data, dict(received.attributes))]
    assert written.ledger() == {}


def test_the_ledger_says_that_the_event_is_dead_and_why(written: Written) -> None:
    write(written, letter())
    assert written.rows(
        "SELECT event_id, event_type, processing_status, reason, error_message"
        " FROM notification_processing"
    ) == [(1, GREETED, "dead", "InvalidEvent", INVALID.args[0])]


def test_an_event_is_not_dead_in_the_ledger_without_its_letter(written: Written) -> None:
    with written.database.connect() as connection:
        connection.execute(
            "ALTER TABLE event_dead_letters ADD CONSTRAINT refused CHECK (event_id <> 1)"
        )
    with pytest.raises(RejectedByDatabase):
        write(written, letter())
    assert (written.ledger(), written.rows("SELECT id FROM event_dead_letters")) == ({}, [])
    # The control: another event gets both.
    write(written, letter(2))
    assert len(written.rows("SELECT id FROM event_dead_letters")) == len(written.ledger()) == 1


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
    """Return the columns of the only dead letter and of its ledger row."""
    return written.rows(
        "SELECT data, attributes, stage, error_class, letter.message, reason, error_message,"
        " attempt, retry_count"
        " FROM event_dead_letters AS letter JOIN notification_processing USING (event_id)"
    )


@pytest.mark.parametrize("stages", [(DECODE, DECIDE), (DECIDE, DECODE)], ids="-".join)
def test_an_event_that_fails_again_says_where_and_why_it_failed_last(
    written: Written, stages: tuple[str, str]
) -> None:
    first, last = stages
    write(written, letter(error=HandlerFailed("a bug"), stage=first))
    write(written, letter(stage=last))
    reason = INVALID.args[0]
    assert kept(written) == [
        (None, None, last, "InvalidEvent", reason, "InvalidEvent", reason, 2, 2)
    ]


def test_a_letter_of_a_message_is_replaced_by_that_of_its_event_once_there_is_a_row(
    written: Written,
) -> None:
    write(written, unknown(message(event_id="1", data=b"as it came", note="of the message")))
    write(written, letter(stage=DECIDE, error=HandlerFailed("a bug")))
    assert kept(written) == [
        (None, None, DECIDE, "HandlerFailed", "a bug", "HandlerFailed", "a bug", 2, 2)
    ]


def test_a_letter_that_was_resolved_is_replaced_by_the_next_failure(written: Written) -> None:
    write(written, letter(stage=DECIDE, error=HandlerFailed("a bug")))
    with written.database.connect() as connection:
        connection.execute("UPDATE event_dead_letters SET resolved_at = now(), resolution = 'x'")
    write(written, letter())
    assert kept(written)[0][2:5] == (DECODE, "InvalidEvent", INVALID.args[0])
    assert written.rows("SELECT resolved_at, resolution FROM event_dead_letters") == [(None, None)]


def test_one_event_twice_in_a_batch_is_one_attempt(written: Written) -> None:
    write(written, letter(), letter())
    assert written.rows("SELECT attempt FROM event_dead_letters") == [(1,)]


def test_of_two_in_a_batch_the_first_is_kept(written: Written) -> None:
    write(written, letter(error=InvalidEvent("first")), letter(error=InvalidEvent("second")))
    assert written.rows("SELECT message FROM event_dead_letters") == [("first",)]


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
        pytest.param(message(event_id=str(2**63 - 1)), id="the largest id"),
        pytest.param(
            Message(b"\0", {"id": "1", "event_type": "a\0b", "na\0me": "val\0ue"}),
            id="NUL everywhere",
        ),
        pytest.param(message(event_type="x" * 5_000, note="x" * 100_000), id="very long"),
        pytest.param(message(data=b"\0" * 300_000, event_id=None), id="much data"),
        pytest.param(message(data=b"\0" * 10_000_000), id="as much data as a message may have"),
    ],
)
def test_whatever_a_message_is_it_can_be_buried(written: Written, received: Message) -> None:
    buried = unknown(received)
    write(written, letter(2), buried)
    assert sorted(written.rows("SELECT letter_key FROM event_dead_letters")) == sorted(
        [("event:2",), (buried.key,)]
    )
    ((size,),) = written.rows(
        "SELECT length(data) FROM event_dead_letters WHERE letter_key = %s", buried.key
    )
    assert size == len(received.data)
    known = buried.event_id == 1
    assert written.ledger() == {2: "dead"} | ({1: "dead"} if known else {})


@pytest.mark.parametrize(
    "event_type", [None, "", "x" * 5_000, "two\nlines\r\n\t", "\x1b[2J\u202e\U0001f600"]
)
def test_whatever_the_type_of_an_event_is_it_can_be_buried(
    written: Written, event_type: str | None
) -> None:
    with written.database.connect() as connection:
        connection.execute(
            "UPDATE domain_events SET event_type = coalesce(%s, event_type)", [event_type]
        )
    write(written, letter(event_type=event_type))
    assert written.rows("SELECT event_type FROM event_dead_letters") == [(event_type,)]
    assert written.ledger() == {1: "dead"}


def test_no_letters_write_nothing(written: Written) -> None:
    write(written)
    assert written.rows("SELECT count(*) FROM event_dead_letters") == [(0,)]


def test_what_is_published_of_an_event_says_which_where_and_why() -> None:
    buried = letter()
    published = to_message(buried)
    assert published.data == b""
    assert set(published.attributes) == {"id", "event_type"} | OURS
    assert published.attributes["id"] == "1"
    assert published.attributes["event_type"] == GREETED
    assert published.attributes["dead_letter_key"] == "event:1"
    assert published.attributes["dead_letter_stage"] == "decode"
    assert published.attributes["dead_letter_error"] == "InvalidEvent"
    assert published.attributes["dead_letter_reason"] == buried.reason
    assert published.attributes["dead_letter_fingerprint"] == buried.fingerprint


@pytest.mark.parametrize("claimed", ["7", None, CANARY])
def test_nothing_that_a_message_says_is_published_but_an_id(claimed: str | None) -> None:
    received = message(event_id=claimed, data=CANARY.encode(), event_type=CANARY, note=CANARY)
    buried = unknown(received)
    published = to_message(buried)
    assert set(published.attributes) - OURS == ({"id"} if claimed == "7" else set())
    assert published.attributes["dead_letter_key"] == buried.key
    assert CANARY not in repr((published.data, published.attributes))


@pytest.mark.parametrize("character", ["a", "\u00fc", "\u20ac", "\U0001f600"])
@pytest.mark.parametrize("shift", range(4))
def test_a_long_attribute_is_cut_between_characters(character: str, shift: int) -> None:
    value = "a" * shift + character * 2_000
    cut = to_message(letter(event_type=EventType(value))).attributes["event_type"]
    assert value.startswith(cut)
    room = MAX_ATTRIBUTE_BYTES - len(cut.encode())
    assert 0 <= room < len(character.encode())


def test_a_long_reason_is_cut_as_well() -> None:
    long = letter(error=InvalidEvent("\u20ac" * 1_000))
    cut = to_message(long).attributes["dead_letter_reason"]
    assert len(cut.encode()) == 1_023


def test_letters_are_published_once_they_are_recorded(written: Written, project: Project) -> None:
    euros = "\u20ac" * 2_000
    worst = letter(2, InvalidEvent(euros), event_type=euros)
    crowd = {f"name{number}": euros for number in range(1_000)}
    letters = [letter(), worst, unknown(Message(b"x" * 1_000_000, crowd))]
    write_dead_letters(written.settings, project.topic, letters, mark_dead)
    received = [(item.message.data, dict(item.message.attributes)) for item in project.pull()]
    assert len(received) == len(letters)
    for each in map(to_message, letters):
        assert (each.data, dict(each.attributes)) in received
    assert written.rows("SELECT count(*) FROM event_dead_letters") == [(3,)]


def test_a_topic_that_does_not_exist_is_named_and_the_letter_is_recorded(
    written: Written, project: Project
) -> None:
    missing = f"{project.path}/topics/missing"
    with pytest.raises(ConfigurationError, match=f"^{missing} does not exist: create it"):
        write_dead_letters(written.settings, missing, [letter()], mark_dead)
    assert written.rows("SELECT count(*) FROM event_dead_letters") == [(1,)]
