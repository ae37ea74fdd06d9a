from dataclasses import replace
from math import log2
from typing import Final
from uuid import UUID

import pytest

from pipeline.domain.identifiers import UserId
from pipeline.fanout.effects import Channel, Effect
from pipeline.fanout.outcome import Outcome, Skip, Status
from pipeline.fanout.reasons import Reason
from pipeline.sinks import document
from pipeline.sinks.outcomes import write_outcomes
from tests.builders import ANN, BOB, GREETED, activity, email, notification, outcome
from tests.sinks.conftest import EVENTS, Written

UNKNOWN_PERSON: Final = UserId(UUID(int=0x99))
CANARY: Final = "kanarienvogel"
REFUSED: Final = notification(title=f"{CANARY}\0")


def full(event_id: int) -> Outcome:
    """Return an outcome with a row for each of the four tables."""
    return outcome(
        event_id,
        (BOB, notification(count=1)),
        (BOB, email(count=1)),
        skips=(Skip(ANN, Channel.IN_APP, Reason.ACTOR), Skip(ANN, Channel.EMAIL, Reason.ACTOR)),
    )


def test_an_outcome_is_a_row_in_the_ledger_and_all_that_follows(written: Written) -> None:
    assert not write_outcomes(written.settings, [full(1)]).letters
    assert written.rows(
        "SELECT event_id, event_type, processing_status, notifications, emails, skipped,"
        " completed_at IS NOT NULL, event_created_at = (SELECT created_at FROM domain_events"
        " WHERE id = 1) FROM notification_processing"
    ) == [(1, GREETED, "completed", 1, 1, 2, True, True)]
    assert written.rows("SELECT event_id, user_id, kind, title, payload FROM notifications") == [
        (1, BOB, "greeted", "Hello", {"count": 1})
    ]
    assert written.rows(
        "SELECT event_id, user_id, event_type, delivery_type, subject, body_data, status"
        " FROM pending_emails"
    ) == [(1, BOB, GREETED, "immediate", "Hello", {"count": 1}, "pending")]
    assert written.rows(
        "SELECT event_id, user_id, channel, reason FROM notification_decisions ORDER BY channel"
    ) == [(1, ANN, "email", "actor"), (1, ANN, "in_app", "actor")]


def test_a_batch_takes_one_statement_whatever_its_size(written: Written) -> None:
    statements = written.recording()
    write_outcomes(written.settings, [full(number) for number in range(1, EVENTS + 1)])
    assert len(statements) == 1
    assert written.rows("SELECT count(*) FROM notifications") == [(EVENTS,)]


def test_no_outcomes_take_no_statement(written: Written) -> None:
    statements = written.recording()
    assert not write_outcomes(written.settings, []).letters
    assert statements == []


def test_the_same_batch_again_changes_nothing(written: Written) -> None:
    batch = [
        full(1),
        outcome(2, (ANN, activity()), (BOB, activity())),
        outcome(3, (BOB, activity()), status=Status.COMPLETED),
    ]
    write_outcomes(written.settings, batch)
    once = written.contents()
    assert all(once.values())
    for again in (batch, batch[::-1], batch[1:], batch * 2):
        assert not write_outcomes(written.settings, again).letters
        assert written.contents() == once


def test_an_event_twice_in_one_batch_is_written_once(written: Written) -> None:
    write_outcomes(written.settings, [outcome(1, (BOB, activity()))] * 3)
    assert written.rows("SELECT payload -> 'count' FROM notifications") == [(1,)]


def test_messages_of_a_thread_are_counted_on_one_row_per_person(written: Written) -> None:
    write_outcomes(written.settings, [outcome(n, (BOB, activity())) for n in (3, 1, 2)])
    write_outcomes(written.settings, [outcome(4, (BOB, activity()), (ANN, activity()))])
    assert written.rows(
        "SELECT user_id, event_id, payload -> 'count', body FROM notifications ORDER BY user_id"
    ) == [
        (ANN, 4, 1, "1 new message in **#general**"),
        (BOB, 1, 4, "4 new messages in **#general**"),
    ]


def test_a_counter_that_was_read_is_followed_by_a_new_one(written: Written) -> None:
    write_outcomes(written.settings, [outcome(1, (BOB, activity()))])
    with written.database.connect() as connection:
        connection.execute("UPDATE notifications SET read_at = now()")
    write_outcomes(written.settings, [outcome(2, (BOB, activity()))])
    assert written.rows(
        "SELECT event_id, payload -> 'count' FROM notifications ORDER BY event_id"
    ) == [(1, 1), (2, 1)]


@pytest.mark.parametrize(
    ("bad", "sqlstate"),
    [
        pytest.param((BOB, notification(title=f"{CANARY}\0")), "22P05", id="NUL in a title"),
        pytest.param((BOB, notification(title=None)), "23502", id="no title"),  # type: ignore[arg-type]
        pytest.param(
            (BOB, replace(email(name=CANARY), delivery=CANARY)),  # type: ignore[arg-type]
            "23514",
            id="an e-mail that goes out at no time",
        ),
    ],
)
@pytest.mark.parametrize("place", [1, 77, EVENTS])
def test_a_row_that_postgres_refuses_costs_only_its_own_event(
    written: Written, bad: tuple[UserId, Effect], sqlstate: str, place: int
) -> None:
    batch = [full(number) for number in range(1, EVENTS + 1)]
    batch[place - 1] = outcome(place, bad)
    statements = written.recording()
    (letter,) = write_outcomes(written.settings, batch).letters
    assert (letter.event_id, letter.stage, letter.error_class) == (
        place,
        "write",
        "RejectedByDatabase",
    )
    assert f"(SQLSTATE {sqlstate})" in letter.reason
    assert CANARY not in letter.reason
    assert set(written.ledger()) == set(range(1, EVENTS + 1)) - {place}
    for table in ("notifications", "pending_emails"):
        assert written.rows(f"SELECT count(*) FROM {table}") == [(EVENTS - 1,)]  # noqa: S608
    assert len(statements) <= 2 * log2(EVENTS) + 2


def test_an_event_is_written_whole_or_not_at_all(written: Written) -> None:
    torn = outcome(1, (BOB, notification()), (ANN, email()), (ANN, REFUSED))
    assert [letter.event_id for letter in write_outcomes(written.settings, [torn]).letters] == [1]
    assert not any(written.contents().values())


def test_several_refused_events_are_as_many_letters(written: Written) -> None:
    batch = [full(number) for number in range(1, 21)]
    for place in (2, 3, 17):
        batch[place - 1] = outcome(place, (BOB, REFUSED))
    letters = write_outcomes(written.settings, batch).letters
    assert sorted(letter.event_id or 0 for letter in letters) == [2, 3, 17]
    assert len(written.ledger()) == 17


@pytest.mark.parametrize(
    "bad",
    [
        pytest.param(notification(count=10**30), id="a number beyond 64 bits"),
        pytest.param(notification(users={BOB}), id="a set"),
        pytest.param(notification(title="\ud800"), id="half a character"),
    ],
)
def test_what_json_cannot_express_costs_only_its_own_event(written: Written, bad: Effect) -> None:
    letters = write_outcomes(written.settings, [full(1), outcome(2, (BOB, bad)), full(3)]).letters
    assert [letter.event_id for letter in letters] == [2]
    assert set(written.ledger()) == {1, 3}


def test_an_event_with_more_rows_than_a_statement_takes_costs_only_itself(
    written: Written, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(document, "MAX_DOCUMENT_BYTES", 10_000)
    huge = outcome(2, (BOB, notification(title="x" * 10_000)))
    letters = write_outcomes(written.settings, [full(1), huge, full(3)]).letters
    assert [(letter.event_id, letter.error_class) for letter in letters] == [(2, "NotStorable")]
    assert set(written.ledger()) == {1, 3}


def test_an_event_whose_row_was_deleted_is_a_letter_and_nothing_else(written: Written) -> None:
    letters = write_outcomes(written.settings, [full(1), full(EVENTS + 1)]).letters
    assert [(letter.event_id, letter.error_class) for letter in letters] == [
        (EVENTS + 1, "UnknownEvent")
    ]
    assert written.ledger() == {1: "completed"}
    assert written.rows("SELECT DISTINCT event_id FROM notifications") == [(1,)]


@pytest.mark.parametrize("status", [Status.EXPIRED, Status.UNROUTED])
def test_what_is_not_completed_can_be_completed_later(written: Written, status: Status) -> None:
    write_outcomes(written.settings, [outcome(1, status=status)])
    assert written.ledger() == {1: status.value}
    write_outcomes(written.settings, [full(1)])
    assert written.ledger() == {1: "completed"}
    assert written.rows("SELECT count(*) FROM notifications") == [(1,)]


@pytest.mark.parametrize("status", [Status.EXPIRED, Status.UNROUTED])
def test_what_is_completed_stays_so(written: Written, status: Status) -> None:
    write_outcomes(written.settings, [full(1)])
    once = written.contents()
    write_outcomes(written.settings, [outcome(1, (ANN, notification()), status=status)])
    assert written.contents() == once


def test_what_the_application_wrote_itself_is_left_as_it_is(written: Written) -> None:
    with written.database.connect() as connection:
        connection.execute(
            "INSERT INTO notifications (user_id, event_id, title) VALUES (%s, 1, 'theirs')", [BOB]
        )
        connection.execute(
            "INSERT INTO pending_emails (user_id, event_id, event_type, delivery_type, subject,"
            " body_data, status) VALUES (%s, 1, 'x', 'immediate', 'theirs', '{}', 'sent')",
            [BOB],
        )
    assert not write_outcomes(written.settings, [full(1)]).letters
    assert written.rows("SELECT title FROM notifications") == [("theirs",)]
    assert written.rows("SELECT subject, status FROM pending_emails") == [("theirs", "sent")]


def test_what_the_application_counted_and_was_read_since_is_not_counted_again(
    written: Written,
) -> None:
    with written.database.connect() as connection:
        connection.execute(
            "INSERT INTO notifications (user_id, event_id, title, kind, counter_thread_id, read_at)"
            " SELECT %s, 1, 'theirs', 'thread_activity', id, now() FROM chat_threads",
            [BOB],
        )
    assert not write_outcomes(written.settings, [outcome(1, (BOB, activity()))]).letters
    assert written.ledger() == {1: "completed"}
    assert written.rows("SELECT title FROM notifications") == [("theirs",)]


@pytest.mark.parametrize("created_at", ["infinity", "-infinity", "294276-01-01", "4000-01-01 BC"])
def test_an_event_of_whatever_time_is_recorded(written: Written, created_at: str) -> None:
    with written.database.connect() as connection:
        connection.execute(
            "UPDATE domain_events SET created_at = %s::timestamptz WHERE id = 2", [created_at]
        )
    batch = [full(1), outcome(2, (BOB, activity()), status=Status.UNROUTED), full(3)]
    result = write_outcomes(written.settings, batch)
    assert ([each.event_id for each, _ in result.outcomes], result.letters) == ([1, 2, 3], [])
    assert all(isinstance(milliseconds, int) for _, milliseconds in result.outcomes)
    assert written.ledger() == {1: "completed", 2: "unrouted", 3: "completed"}
