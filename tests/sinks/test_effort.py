"""The cost of a write is in proportion to its rows, whatever the planner believes."""

import re
from dataclasses import replace
from datetime import timedelta
from typing import Final
from uuid import UUID

import psycopg
import pytest

from pipeline.clients.postgres.sql import load
from pipeline.domain.errors import StatementTimeout
from pipeline.domain.identifiers import UserId
from pipeline.fanout.outcome import Outcome
from pipeline.sinks import outcomes
from pipeline.sinks.document import as_document
from pipeline.sinks.outcomes import write_outcomes
from tests.builders import BOB, activity, email, notification, outcome
from tests.databases import Database
from tests.effort import LIES, effort, lie_to
from tests.sinks.conftest import Written

WRITE: Final = load("pipeline.sinks", "write_outcomes")
PEOPLE: Final = [UserId(UUID(int=number)) for number in range(1_000, 3_000)]
# Enough: comparing each row with all the others would take six hundred steps.
SOME: Final = PEOPLE[:600]
MESSAGES: Final = 20
# A step is a row that a node of the plan returned or looked at. Each written row takes about 30.
STEPS_PER_ROW: Final = 100


@pytest.fixture(params=LIES)
def believing(request: pytest.FixtureRequest, database: Database) -> str:
    """Give the planner wrong statistics, and keep autovacuum from correcting them."""
    lie_to(database, request.param)
    return str(request.param)


@pytest.fixture
def crowd(written: Written) -> Written:
    """Make a database in which a thread has 2,000 participants."""
    with written.database.connect() as connection:
        connection.execute("INSERT INTO auth.users (id) SELECT unnest(%s::uuid[])", [PEOPLE])
        connection.execute(
            "INSERT INTO profiles (id, email, app_role)"
            " SELECT id, id::text, 'borrower' FROM unnest(%s::uuid[]) AS id",
            [PEOPLE],
        )
    return written


def messages(first: int, number: int, people: list[UserId]) -> list[Outcome]:
    """Return outcomes of messages of one thread that notify all these people."""
    return [
        outcome(event, *((person, activity()) for person in people))
        for event in range(first, first + number)
    ]


def effort_of_writing(written: Written, batch: list[Outcome]) -> float:
    document = as_document(batch)
    with psycopg.connect(written.database.writer_dsn, autocommit=True) as connection:
        return effort(connection, WRITE, batch=document, version="test", lock_timeout="0")


@pytest.mark.usefixtures("believing")
def test_a_write_takes_a_number_of_steps_for_each_row_whatever_the_planner_believes(
    crowd: Written,
) -> None:
    # The second time, all counter rows exist.
    for first in (1, 1 + MESSAGES):
        batch = messages(first, MESSAGES, SOME)
        assert effort_of_writing(crowd, batch) < STEPS_PER_ROW * MESSAGES * len(SOME)
    assert crowd.rows("SELECT DISTINCT payload -> 'count' FROM notifications") == [(2 * MESSAGES,)]


@pytest.mark.usefixtures("believing")
def test_so_do_notifications_and_emails(crowd: Written) -> None:
    batch = [
        outcome(event, *((person, each) for person in SOME for each in (notification(), email())))
        for event in range(1, 11)
    ]
    assert effort_of_writing(crowd, batch) < STEPS_PER_ROW * 2 * 10 * len(SOME)


def test_control_a_join_of_two_parts_would_be_noticed(crowd: Written) -> None:
    joined = re.sub(
        rb"WHERE \(\(SELECT events FROM opened\).*?<> event_id",
        b"JOIN counted ON counted.user_id = wanted_count.user_id"
        b" AND counted.counter_thread_id = thread_id AND counted.event_id <> wanted_count.event_id",
        WRITE,
    ).replace(
        b"SELECT event_id, user_id, 'in_app', 'counted'",
        b"SELECT wanted_count.event_id, wanted_count.user_id, 'in_app', 'counted'",
    )
    assert joined.count(b"JOIN counted") == 1
    document = as_document(messages(1, 5, SOME))
    with psycopg.connect(crowd.database.writer_dsn, autocommit=True) as connection:
        found = effort(connection, joined, batch=document, version="test", lock_timeout="0")
    assert found > STEPS_PER_ROW * 5 * len(SOME)


@pytest.mark.parametrize("believing", ["every table was empty"], indirect=True)
@pytest.mark.usefixtures("believing")
def test_a_statement_that_was_prepared_while_all_was_empty_does_no_harm(crowd: Written) -> None:
    # After fifteen executions the server keeps the plan it has.
    for number in range(1, 21):
        write_outcomes(crowd.settings, [outcome(number)])
    settings = replace(crowd.settings, statement_timeout=timedelta(seconds=10))
    for number in range(21, 41, 5):
        assert not write_outcomes(settings, messages(number, 5, PEOPLE)).letters
    assert crowd.rows("SELECT DISTINCT payload -> 'count' FROM notifications") == [(20,)]


def test_more_rows_than_a_statement_should_write_are_written_in_several(crowd: Written) -> None:
    # A statement that takes longer than allowed would be halved.
    settings = replace(crowd.settings, statement_timeout=timedelta(minutes=1))
    statements = replace(crowd, settings=settings).recording()
    number = 1 + outcomes.MOST_ROWS // len(PEOPLE)
    batch = [outcome(number + 1, (BOB, notification())), *messages(1, number, PEOPLE)]
    assert len(write_outcomes(settings, batch).outcomes) == len(batch)
    # From time to time, a write also reads which channels are on.
    assert sum("a batch of outcomes" in str(each) for each in statements) == 2
    assert len(crowd.ledger()) == len(batch)


# A server that is slow if a statement has more than a number of events.
SLOW: Final = """
    CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF (SELECT count(*) FROM inserted) > {events} THEN PERFORM pg_sleep(10); END IF;
        RETURN NULL;
    END $$;
    CREATE TRIGGER slow AFTER INSERT ON notification_processing REFERENCING NEW TABLE AS inserted
        FOR EACH STATEMENT EXECUTE FUNCTION slow();
"""


def with_slow_batches(written: Written, *, events: int) -> Written:
    """Make statements with more than ``events`` events exceed the statement timeout."""
    with written.database.connect() as connection:
        connection.execute(SLOW.format(events=events).encode())
    short = timedelta(seconds=0.5)
    return replace(
        written, settings=replace(written.settings, statement_timeout=short, retry_for=short)
    )


def test_a_batch_that_takes_too_long_is_written_in_halves(written: Written) -> None:
    slow = with_slow_batches(written, events=2)
    batch = [outcome(number, (BOB, notification())) for number in range(1, 9)]
    result = write_outcomes(slow.settings, batch)
    assert (len(result.outcomes), result.letters) == (8, [])
    assert len(written.ledger()) == 8


def test_a_single_event_that_takes_too_long_stays_to_be_written(written: Written) -> None:
    slow = with_slow_batches(written, events=0)
    with pytest.raises(StatementTimeout):
        write_outcomes(slow.settings, [outcome(1, (BOB, notification())), outcome(2)])
    assert written.ledger() == {}
