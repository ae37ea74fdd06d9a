"""How a row of activity.notifications stands is true, in whatever way its deliveries end."""

import threading
from uuid import UUID, uuid4

import psycopg
import pytest
from psycopg.errors import InsufficientPrivilege

from pipeline.domain.errors import ConfigurationError
from pipeline.ops.families import Family
from pipeline.ops.migrate import migrate
from tests.databases import Database, Databases
from tests.deadline import wait_until
from tests.steps.push.rows import ADOPT, EVERYONE, Activity, settle

NOT_SENT = (False, 0, None)


@pytest.fixture
def activity(database: Database) -> Activity:
    return Activity(database)


def test_a_row_is_processed_once_its_delivery_has_ended(activity: Activity) -> None:
    row, other = activity.insert(), uuid4()
    activity.adopt()
    activity.end("bus", state="leased", lease_token=uuid4())
    assert activity.row(row) == NOT_SENT
    activity.end("bus", state="done", lease_token=None)
    assert activity.row(row) == (True, 0, None)
    # Control: another row is not touched.
    activity.insert(id=other)
    activity.adopt()
    assert activity.row(other) == NOT_SENT


def test_f34_a_failure_of_the_phone_after_the_bus_is_counted_once_and_named(
    activity: Activity,
) -> None:
    row = activity.insert()
    activity.adopt()
    # The fallback: the delivery to the bus ends and that to a phone begins, in one statement.
    activity.execute(
        """
        WITH fallen AS (
            UPDATE fanout.deliveries
            SET state = 'cancelled', finished_at = now(), reason = 'the bus did not answer'
            WHERE channel = 'bus'
            RETURNING cause, kind, user_id, source, source_id
        )
        INSERT INTO fanout.deliveries
            (id, cause, channel, recipient, kind, user_id, source, source_id)
        SELECT gen_random_uuid(), cause, 'fcm', 'a device', kind, user_id, source, source_id
        FROM fallen
        """
    )
    assert activity.row(row) == NOT_SENT
    activity.end("fcm", state="waiting", failures=1, reason="the provider answered 503")
    assert activity.row(row) == (False, 1, "fcm: the provider answered 503")
    activity.end("fcm", state="done", reason=None)
    assert activity.row(row) == (True, 1, "fcm: the provider answered 503")


def test_what_died_or_came_too_late_says_so(activity: Activity) -> None:
    row, late = activity.insert(), activity.insert()
    activity.adopt()
    activity.execute(
        "UPDATE fanout.deliveries SET"
        " state = CASE source_id WHEN %s THEN 'dead' ELSE 'expired' END,"
        " finished_at = now(), reason = CASE source_id WHEN %s THEN 'the payload is invalid' END",
        str(row),
        str(row),
    )
    assert activity.row(row) == (True, 0, "bus: the payload is invalid")
    assert activity.row(late) == (True, 0, "bus: expired")


def end_both_at_once(activity: Activity) -> UUID:
    """End both deliveries of a broadcast in two transactions that overlap. Return the row."""
    activity.execute("INSERT INTO fanout.channels (channel) VALUES ('fcm')")
    row = activity.insert(EVERYONE)
    activity.adopt()
    waiting = (
        "SELECT FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
        " AND datname = current_database()"
    )
    with psycopg.connect(activity.database.dsn) as first:
        settle(first, "bus", state="done")
        second = threading.Thread(target=activity.end, args=("fcm",), kwargs={"state": "done"})
        second.start()
        wait_until(lambda: bool(activity.rows(waiting)), seconds=30, what="the second one waits")
        assert activity.row(row) == NOT_SENT
    second.join()
    return row


def test_a_broadcast_is_processed_after_both_ways_even_if_they_end_at_the_same_time(
    activity: Activity,
) -> None:
    row = end_both_at_once(activity)
    assert activity.row(row) == (True, 0, None)


def test_control_without_the_lock_neither_of_the_two_sees_the_other(activity: Activity) -> None:
    ((body,),) = activity.rows("SELECT pg_get_functiondef('fanout.show_in_activity'::regproc)")
    lock = "PERFORM FROM activity.notifications WHERE id = ANY (changed) ORDER BY id FOR UPDATE;"
    assert lock in body
    activity.execute(body.replace(lock, ""))
    row = end_both_at_once(activity)
    assert activity.row(row) == NOT_SENT


def test_a_producer_may_tell_a_person_and_not_everyone(activity: Activity) -> None:
    producer, person = activity.database.producer_dsn, uuid4()
    activity.insert_as(producer, person)
    with pytest.raises(InsufficientPrivilege, match="may not notify everyone"):
        activity.insert_as(producer, EVERYONE)
    # Nor by a change of the row, even if the application lets them change it.
    activity.execute("GRANT SELECT, UPDATE ON activity.notifications TO fanout_producer")
    activity.execute(
        "CREATE POLICY any_row ON activity.notifications TO fanout_producer USING (true)"
    )
    with (
        psycopg.connect(producer, autocommit=True) as connection,
        pytest.raises(InsufficientPrivilege, match="may not notify everyone"),
    ):
        connection.execute("UPDATE activity.notifications SET user_id = %s", [EVERYONE])
    assert activity.rows("SELECT DISTINCT user_id FROM activity.notifications") == [(person,)]


def test_a_broadcaster_may_tell_everyone(activity: Activity) -> None:
    activity.insert_as(activity.database.broadcaster_dsn, EVERYONE)
    assert activity.adopt() == 1


OF_AN_APPLICATION = """
    CREATE SCHEMA activity;
    CREATE TABLE activity.notifications (
        id uuid PRIMARY KEY, user_id uuid, title text, message text, notification_type text,
        is_processed boolean DEFAULT false, deliver_at timestamptz, priority text, payload jsonb
    );
    INSERT INTO activity.notifications (id, user_id, title, message)
    SELECT gen_random_uuid(), gen_random_uuid(), 't', 'm' FROM generate_series(1, 5);
"""


def test_a_table_that_exists_gets_what_it_lacks_and_its_old_rows_are_never_sent(
    databases: Databases,
) -> None:
    with databases.empty() as database:
        with database.connect() as connection:
            connection.execute(OF_AN_APPLICATION)
        migrate(database.dsn, family=Family.ACTIVITY)
        activity = Activity(database)
        before = activity.rows("SELECT is_processed, created_at FROM activity.notifications")
        assert before == [(False, None)] * 5
        # A service writes as ever.
        row = uuid4()
        activity.execute(
            "INSERT INTO activity.notifications (id, user_id, title, message)"
            " VALUES (%s, gen_random_uuid(), 't', 'm')",
            row,
        )
        assert activity.adopt() == 1
        activity.end("bus", state="done")
        assert activity.row(row) == (True, 0, None)
        assert activity.deliveries("source_id", "priority", "kind") == [(str(row), 2, "system")]


def test_a_table_that_is_something_else_is_refused_with_what_to_do(databases: Databases) -> None:
    with databases.empty() as database:
        with database.connect() as connection:
            connection.execute(
                "CREATE SCHEMA activity; CREATE TABLE activity.notifications (id bigint)"
            )
        with pytest.raises(ConfigurationError, match=r"lacks columns: id uuid, user_id uuid"):
            migrate(database.dsn, family=Family.ACTIVITY)


def test_the_statement_needs_the_login_of_push(activity: Activity) -> None:
    activity.insert()
    with (
        psycopg.connect(activity.database.sender_dsn, autocommit=True) as connection,
        pytest.raises(InsufficientPrivilege),
    ):
        connection.execute(ADOPT, {"most": 1})
    assert activity.adopt() == 1
