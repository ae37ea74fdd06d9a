"""Counter rows: values that the application wrote, and the deletion of events that they count."""

from concurrent.futures import ThreadPoolExecutor
from typing import Final

import psycopg
import pytest

from pipeline.sinks.outcomes import write_outcomes
from tests.builders import ANN, BOB, GENERAL, activity, outcome
from tests.deadline import wait_until
from tests.sinks.conftest import Written

COUNTERS: Final = (
    "SELECT user_id, event_id, payload -> 'count' FROM notifications ORDER BY user_id, id"
)
COUNTED: Final = "SELECT event_id FROM notification_decisions WHERE user_id = %s ORDER BY event_id"


def count(written: Written, *event_ids: int) -> None:
    """Count these messages for Bob, in one statement."""
    batch = [outcome(number, (BOB, activity())) for number in event_ids]
    assert not write_outcomes(written.settings, batch).letters


def execute(written: Written, statement: str, *parameters: object) -> None:
    with written.database.connect() as connection:
        connection.execute(statement.encode(), parameters or None)


@pytest.fixture
def thread(written: Written) -> Written:
    """Make the first 60 events messages of one thread."""
    execute(written, "UPDATE domain_events SET thread_id = %s WHERE id <= 60", GENERAL)
    return written


@pytest.mark.parametrize(
    ("payload", "messages"),
    [
        ('{"count": 5}', 7),
        ('{"count": "5"}', 7),
        ('{"count": 2.5}', 3),
        ('{"count": -1}', 3),
        ('{"count": 1e30}', 3),
        ('{"count": 2147483647}', 3),
        ('{"count": "many"}', 3),
        ('{"count": null}', 3),
        ('{"count": {"of": 3}}', 3),
        ("{}", 3),
        ("[1, 2]", 3),
        ('"read"', 3),
        ("null", 3),
        (None, 3),
    ],
)
def test_a_counter_that_holds_no_count_stands_for_one_message(
    written: Written, payload: str | None, messages: int
) -> None:
    count(written, 1)
    execute(written, "UPDATE notifications SET payload = %s::jsonb", payload)
    batch = [outcome(number, (ANN, activity()), (BOB, activity())) for number in (2, 3)]
    assert not write_outcomes(written.settings, batch).letters
    assert written.rows(COUNTERS) == [(ANN, 2, 2), (BOB, 1, messages)]
    ((body,),) = written.rows("SELECT body FROM notifications WHERE user_id = %s", BOB)
    assert body == f"{messages} new messages in **#general**"


def test_what_else_the_application_keeps_in_a_counter_stays(written: Written) -> None:
    count(written, 1)
    execute(written, """UPDATE notifications SET payload = payload || '{"pinned": true}'""")
    count(written, 2)
    assert written.rows("SELECT payload -> 'pinned', payload -> 'count' FROM notifications") == [
        (True, 2)
    ]


def test_a_counter_outlives_the_event_that_opened_it(thread: Written) -> None:
    for number in range(1, 52):
        count(thread, number)
    execute(thread, "DELETE FROM domain_events WHERE id = 1")
    assert thread.rows(COUNTERS) == [(BOB, 51, 51)]
    # The message has its own row now. No other row counts it.
    assert thread.rows(COUNTED, BOB) == [(number,) for number in range(2, 51)]
    count(thread, 52)
    assert thread.rows(COUNTERS) == [(BOB, 51, 52)]


def test_control_without_the_trigger_it_goes_with_that_event(thread: Written) -> None:
    execute(thread, "DROP TRIGGER fanout_keep_counters ON domain_events")
    for number in range(1, 5):
        count(thread, number)
    execute(thread, "DELETE FROM domain_events WHERE id = 1")
    assert thread.rows(COUNTERS) == []


@pytest.mark.parametrize(
    "order", [range(1, 10), range(9, 0, -1), (5, 1, 9, 2, 8, 3, 7, 4, 6)], ids=repr
)
def test_a_counter_lasts_as_long_as_any_event_it_counts(thread: Written, order: list[int]) -> None:
    count(thread, 1)
    count(thread, 2, 3, 4)
    for number in range(5, 11):
        count(thread, number)
    for number in order:
        execute(thread, "DELETE FROM domain_events WHERE id = %s", number)
    assert thread.rows(COUNTERS) == [(BOB, 10, 10)]
    execute(thread, "DELETE FROM domain_events WHERE id = 10")
    assert thread.rows(COUNTERS) == []


def test_many_events_can_be_deleted_at_once(thread: Written) -> None:
    for number in range(1, 41):
        count(thread, number)
    execute(thread, "DELETE FROM domain_events WHERE id < 40")
    assert thread.rows(COUNTERS) == [(BOB, 40, 40)]
    execute(thread, "DELETE FROM chat_threads")
    assert thread.rows(COUNTERS) == []


def test_a_counter_is_not_given_what_an_earlier_one_counts(thread: Written) -> None:
    for number in (1, 2, 3):
        count(thread, number)
    execute(thread, "UPDATE notifications SET read_at = now()")
    for number in (4, 5):
        count(thread, number)
    execute(thread, "DELETE FROM domain_events WHERE id IN (4, 5)")
    assert thread.rows(COUNTERS) == [(BOB, 1, 3)]
    execute(thread, "DELETE FROM domain_events WHERE id = 1")
    assert thread.rows(COUNTERS) == [(BOB, 3, 3)]


def test_whoever_may_only_delete_events_needs_no_other_right(thread: Written) -> None:
    count(thread, 1)
    count(thread, 2)
    with thread.database.connect() as connection, connection.transaction():
        connection.execute("CREATE ROLE janitor")
        connection.execute("GRANT USAGE ON SCHEMA public TO janitor")
        connection.execute("GRANT SELECT, DELETE ON domain_events TO janitor")
        connection.execute("SET LOCAL ROLE janitor")
        connection.execute("DELETE FROM domain_events WHERE id = 1")
        connection.execute("RESET ROLE")
        connection.execute("DROP OWNED BY janitor")
        connection.execute("DROP ROLE janitor")
    assert thread.rows(COUNTERS) == [(BOB, 2, 2)]


def test_a_message_that_is_counted_meanwhile_is_not_lost(thread: Written) -> None:
    count(thread, 1)
    count(thread, 2)
    execute(thread, "DELETE FROM domain_events WHERE id = 2")
    # Stop between the counter's lock and its commit: the deletion must wait, and then look again.
    execute(
        thread,
        "CREATE FUNCTION hold() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
        " PERFORM pg_advisory_xact_lock(1); RETURN NULL; END $$;"
        " CREATE TRIGGER hold AFTER INSERT ON notification_decisions"
        " EXECUTE FUNCTION hold()",
    )
    waiting = "SELECT FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
    with ThreadPoolExecutor(2) as threads, psycopg.connect(thread.database.dsn) as gate:
        gate.execute("SELECT pg_advisory_xact_lock(1)")
        counting = threads.submit(count, thread, 3)
        wait_until(lambda: thread.rows(waiting), seconds=10, what="the message is being counted")
        deleting = threads.submit(execute, thread, "DELETE FROM domain_events WHERE id = 1")
        wait_until(lambda: len(thread.rows(waiting)) == 2, seconds=10, what="the deletion waits")
        gate.commit()
        counting.result()
        deleting.result()
    assert thread.rows(COUNTERS) == [(BOB, 3, 3)]
