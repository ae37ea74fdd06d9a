"""People, projects and events that are deleted after the decision and before the write."""

from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from typing import Final
from uuid import UUID

import psycopg
import pytest

from pipeline.domain.identifiers import ProjectId, UserId
from pipeline.fanout.effects import Effect
from pipeline.sinks.outcomes import Written as Result
from pipeline.sinks.outcomes import write_outcomes
from tests.builders import ANN, BOB, GENERAL, GREETED, activity, email, notification, outcome
from tests.deadline import wait_until
from tests.sinks.conftest import EVENTS, Written

UNKNOWN_PERSON: Final = UserId(UUID(int=0x99))
WAITING: Final = "SELECT FROM pg_stat_activity WHERE wait_event_type = 'Lock'"


@contextmanager
def deleting(written: Written, statement: str, *parameters: object) -> Iterator[None]:
    """Delete something in a transaction that commits as soon as another session waits for it."""
    with psycopg.connect(written.database.dsn) as connection:
        connection.execute(statement.encode(), parameters or None)
        yield
        wait_until(lambda: written.rows(WAITING), seconds=10, what="the writer waits")
        connection.commit()


@pytest.fixture
def writer() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(1) as executor:
        yield executor


@pytest.mark.parametrize(
    ("effect", "channel", "counted"),
    [
        pytest.param(notification(), "in_app", (1, 0), id="notification"),
        pytest.param(activity(), "in_app", (1, 0), id="count"),
        pytest.param(email(), "email", (0, 1), id="e-mail"),
    ],
)
def test_someone_who_is_deleted_meanwhile_is_left_out_and_nobody_else(
    written: Written, writer: ThreadPoolExecutor, effect: Effect, channel: str,
    counted: tuple[int, int],
) -> None:  # fmt: skip
    batch = [outcome(number, (ANN, effect), (BOB, effect)) for number in (1, 2, 3)]
    with deleting(written, "DELETE FROM auth.users WHERE id = %s", ANN):
        writing: Future[Result] = writer.submit(write_outcomes, written.settings, batch)
    assert not writing.result().letters
    assert written.rows(
        "SELECT event_id, notifications, emails, skipped FROM notification_processing"
    ) == [(number, *counted, 1) for number in (1, 2, 3)]
    told = "SELECT DISTINCT user_id FROM notifications UNION SELECT user_id FROM pending_emails"
    assert written.rows(told) == [(BOB,)]
    assert written.rows(
        "SELECT event_id, channel FROM notification_decisions WHERE reason = 'no_profile'"
        " AND user_id = %s ORDER BY event_id", ANN
    ) == [(number, channel) for number in (1, 2, 3)]  # fmt: skip


def test_a_deletion_that_is_rolled_back_costs_nobody_anything(
    written: Written, writer: ThreadPoolExecutor
) -> None:
    with psycopg.connect(written.database.dsn) as connection:
        connection.execute("DELETE FROM auth.users WHERE id = %s", [BOB])
        writing = writer.submit(
            write_outcomes, written.settings, [outcome(1, (BOB, notification()))]
        )
        wait_until(lambda: written.rows(WAITING), seconds=10, what="the writer waits")
        connection.rollback()
    assert not writing.result().letters
    assert written.rows("SELECT user_id FROM notifications") == [(BOB,)]


def test_control_without_holding_them_the_foreign_key_refuses(
    written: Written, writer: ThreadPoolExecutor
) -> None:
    with written.database.connect() as connection:
        connection.execute(
            "CREATE OR REPLACE FUNCTION fanout_hold_people(ids uuid[]) RETURNS SETOF uuid"
            " LANGUAGE sql AS 'SELECT unnest(ids)'"
        )
    batch = [outcome(1, (ANN, notification()), (BOB, notification()))]
    with deleting(written, "DELETE FROM auth.users WHERE id = %s", ANN):
        writing = writer.submit(write_outcomes, written.settings, batch)
    (letter,) = writing.result().letters
    assert "notifications_user_id_fkey" in letter.reason


def test_a_project_that_is_deleted_meanwhile_is_left_out_of_the_email(
    written: Written, writer: ThreadPoolExecutor
) -> None:
    effect = replace(email(), project_id=ProjectId(GENERAL), project_name="Tower")
    with deleting(written, "DELETE FROM projects WHERE id = %s", GENERAL):
        writing = writer.submit(write_outcomes, written.settings, [outcome(1, (BOB, effect))])
    assert not writing.result().letters
    assert written.rows("SELECT project_id, project_name FROM pending_emails") == [(None, "Tower")]


@pytest.mark.parametrize(
    "statement",
    [
        pytest.param("DELETE FROM chat_threads", id="thread"),
        pytest.param("DELETE FROM projects", id="project"),
        pytest.param("DELETE FROM orgs", id="organisation"),
    ],
)
def test_an_event_that_goes_with_what_it_was_about_costs_no_other_event_anything(
    written: Written, writer: ThreadPoolExecutor, statement: str
) -> None:
    with written.database.connect() as connection:
        connection.execute(
            "UPDATE domain_events SET thread_id = %s, project_id = %s WHERE id = 2",
            [GENERAL, GENERAL],
        )
    settings = replace(written.settings, visible_within=timedelta(0))
    batch = [outcome(number, (BOB, activity()), (ANN, email())) for number in (1, 2, 3)]
    with deleting(written, statement):
        writing = writer.submit(write_outcomes, settings, batch)
    letters = writing.result().letters
    assert [(letter.event_id, letter.error_class) for letter in letters] == [(2, "UnknownEvent")]
    assert set(written.ledger()) == {1, 3}
    assert written.rows("SELECT payload -> 'count' FROM notifications") == [(2,)]


def test_an_event_that_is_deleted_meanwhile_is_one_that_is_not_there(
    written: Written, writer: ThreadPoolExecutor
) -> None:
    settings = replace(written.settings, visible_within=timedelta(0))
    batch = [outcome(number, (BOB, notification())) for number in range(1, EVENTS + 1)]
    with deleting(written, "DELETE FROM domain_events WHERE id = 7"):
        writing = writer.submit(write_outcomes, settings, batch)
    assert [letter.error_class for letter in writing.result().letters] == ["UnknownEvent"]
    assert set(written.ledger()) == set(range(1, EVENTS + 1)) - {7}


def test_people_projects_and_events_that_never_were_are_told_apart_from_those_that_are(
    written: Written,
) -> None:
    effect = replace(email(), project_id=ProjectId(UNKNOWN_PERSON))
    batch = [outcome(1, (BOB, effect), (UNKNOWN_PERSON, notification()), (UNKNOWN_PERSON, email()))]
    assert not write_outcomes(written.settings, batch).letters
    assert written.rows("SELECT user_id, project_id, event_type FROM pending_emails") == [
        (BOB, None, GREETED)
    ]
    assert written.rows("SELECT notifications, emails, skipped FROM notification_processing") == [
        (0, 1, 2)
    ]
