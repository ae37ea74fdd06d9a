"""Rows of activity.notifications become deliveries: which ones, when, and what they say."""

from datetime import timedelta
from uuid import UUID, uuid4

import orjson
import psycopg
import pytest

from pipeline.domain.delivery import DeliveryChannel, delivery_id
from pipeline.domain.record import RecordKey
from pipeline.steps.push.channels import CHANNELS
from pipeline.steps.push.claim import PushClaims
from tests.databases import Database
from tests.deadline import wait_until
from tests.steps.push.desk import PushDesk
from tests.steps.push.rows import ADOPT, EVERYONE, Activity

OLD_ROWS = 100_000


@pytest.fixture
def activity(database: Database) -> Activity:
    return Activity(database)


def test_a_row_has_one_delivery_to_the_bus_that_expires_with_the_channel(
    activity: Activity,
) -> None:
    user = uuid4()
    row = activity.insert(user, notification_type="friend_request", collapse_key="chat 7")
    assert activity.adopt() == 1
    cause = RecordKey("activity.notifications", str(row))
    assert activity.deliveries(
        *("id", "cause", "channel", "recipient", "user_id", "kind", "source", "source_id"),
        *("priority", "state", "collapse_key"),
    ) == [
        (
            delivery_id(cause, DeliveryChannel.BUS, str(user)),
            *(str(cause), "bus", str(user), user, "friend_request", "activity.notifications"),
            *(str(row), 2, "pending", "chat 7"),
        )
    ]
    assert activity.rows(
        "SELECT delivery.expires_at - told.created_at, delivery.deliver_at <= now(),"
        " taken_at IS NOT NULL"
        " FROM fanout.deliveries AS delivery, activity.notifications AS told"
    ) == [(timedelta(days=1), True, True)]
    assert activity.row(row) == (False, 0, None)
    # It is taken once, and told once though its mark was taken off.
    assert activity.adopt() == 0
    activity.execute("UPDATE activity.notifications SET taken_at = NULL")
    assert activity.adopt() == 1
    assert len(activity.deliveries("id")) == 1


@pytest.mark.parametrize(
    ("priority", "rank"),
    [("critical", 0), ("urgent", 0), ("high", 1), ("normal", 2), ("medium", 2), ("low", 3)],
)
def test_f36_each_priority_has_its_rank(activity: Activity, priority: str, rank: int) -> None:
    activity.insert(priority=priority)
    activity.adopt()
    assert activity.deliveries("priority") == [(rank,)]


def test_f22_a_later_row_is_taken_now_and_due_then(activity: Activity) -> None:
    due = activity.now() + timedelta(minutes=10)
    activity.insert(deliver_at=due)
    activity.adopt()
    assert activity.deliveries("deliver_at", "next_attempt_at", "expires_at") == [
        (due, due, due + timedelta(days=1))
    ]
    # The clock of who wrote it may be fast: that alone makes nothing wait.
    activity.insert(created_at=due)
    activity.adopt()
    assert activity.deliveries("deliver_at <= now()")[1:] == [(True,)]


def test_a_row_says_itself_when_it_expires(activity: Activity) -> None:
    end = activity.now() + timedelta(minutes=3)
    activity.insert(expires_at=end)
    activity.adopt()
    assert activity.deliveries("expires_at") == [(end,)]


def test_f25_rows_that_are_due_at_the_same_time_keep_one_order(activity: Activity) -> None:
    now = activity.now()
    same = {"created_at": now, "deliver_at": now + timedelta(hours=1)}
    rows = sorted(activity.insert(None, **same) for _ in range(4))
    first = activity.insert(None, priority="high", **same)
    activity.adopt()
    in_order = activity.rows(
        "SELECT source_id FROM fanout.deliveries ORDER BY priority, next_attempt_at, sequence"
    )
    assert [UUID(row) for (row,) in in_order] == [first, *rows]


def test_of_two_rows_with_one_collapse_key_the_one_that_was_written_later_comes_later(
    activity: Activity,
) -> None:
    now = activity.now()
    later = [
        activity.insert(
            UUID(int=1),
            id=UUID(int=9 - number),
            collapse_key="k",
            created_at=now + timedelta(seconds=number),
        )
        for number in range(4)
    ]
    activity.adopt()
    assert [UUID(row) for (row,) in activity.deliveries("source_id")] == later


def test_f35_a_critical_row_is_taken_before_older_ones(activity: Activity) -> None:
    older = activity.now() - timedelta(minutes=11)
    backdate(activity, switched_on="1 hour")
    for _ in range(3):
        activity.insert(created_at=older)
    critical = activity.insert(priority="critical")
    assert activity.adopt(most=1) == 2
    assert (str(critical),) in activity.deliveries("source_id")
    # The others go on.
    assert [activity.adopt(most=1) for _ in range(3)] == [1, 1, 0]


def backdate(activity: Activity, *, switched_on: str) -> None:
    activity.execute("UPDATE fanout.channels SET since = now() - %s::interval", switched_on)
    activity.execute("UPDATE fanout_migrations SET applied_at = now() - interval '90 days'")


def test_f35_a_million_old_rows_send_nothing_and_cost_nothing(activity: Activity) -> None:
    activity.execute(
        "INSERT INTO activity.notifications (user_id, title, message, created_at, deliver_at)"
        " SELECT gen_random_uuid(), 't', 'm', at, at"
        " FROM generate_series(1, %s) AS number,"
        " LATERAL (SELECT now() - interval '1 minute' - number * interval '1 second' AS at) AS old",
        OLD_ROWS,
    )
    activity.execute("ANALYZE activity.notifications")
    assert activity.adopt() == 0
    assert activity.deliveries("id") == []
    assert pages_read(activity) < 100
    # The next row is found among them.
    row = activity.insert()
    assert activity.adopt() == 1
    assert activity.deliveries("source_id") == [(str(row),)]
    # Control: had the switch been there before them, they would be read.
    backdate(activity, switched_on="30 days")
    assert activity.adopt(most=1_000) == 2_000
    assert pages_read(activity) > 1_000


def pages_read(activity: Activity) -> int:
    """Return how many pages the statement reads, with its own login. It is rolled back."""
    with psycopg.connect(activity.database.push_dsn) as connection:
        ((plan,),) = connection.execute(
            b"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) " + ADOPT, {"most": 1_000}
        )
        connection.rollback()
    root = plan[0]["Plan"]
    return int(root["Shared Hit Blocks"]) + int(root["Shared Read Blocks"])


def test_rows_from_before_the_switch_are_never_sent_even_if_they_are_due_later(
    activity: Activity,
) -> None:
    before = activity.now() - timedelta(seconds=1)
    activity.insert(created_at=before)
    activity.insert(created_at=before, deliver_at=before + timedelta(hours=1))
    assert activity.adopt() == 0


def test_rows_from_before_the_trigger_are_never_sent_though_the_channel_was_on(
    activity: Activity,
) -> None:
    activity.execute("UPDATE fanout.channels SET since = now() - interval '1 day'")
    # The database is a copy of one that may have been migrated long ago.
    ((installed,),) = activity.rows(
        "SELECT applied_at FROM public.fanout_migrations"
        " WHERE name = 'activity/0001_notifications.sql'"
    )
    activity.insert(EVERYONE, created_at=installed - timedelta(minutes=1))
    assert activity.adopt() == 0
    # Control: a row from after it is taken.
    activity.insert(EVERYONE, created_at=installed)
    assert activity.adopt() == 1


def test_a_row_that_nobody_took_in_time_ends_without_being_sent(activity: Activity) -> None:
    backdate(activity, switched_on="7 days")
    late = activity.now() - timedelta(hours=25)
    row = activity.insert(created_at=late, deliver_at=late)
    # Control: an older row that is due later still goes out.
    later = activity.insert(created_at=late, deliver_at=late + timedelta(hours=2))
    assert activity.adopt() == 2
    found = set(activity.deliveries("source_id", "state", "finished_at IS NOT NULL"))
    assert found == {(str(row), "expired", True), (str(later), "pending", False)}
    assert activity.row(row) == (True, 0, "bus: it came too late to be of use")
    assert activity.row(later) == (False, 0, None)


def test_everyone_is_a_topic_of_the_bus_and_where_phones_are_on_a_topic_of_theirs(
    activity: Activity,
) -> None:
    activity.insert(EVERYONE)
    activity.adopt()
    assert activity.deliveries("channel", "recipient", "user_id") == [
        ("bus", "topic:global_notifications", None)
    ]
    activity.execute("INSERT INTO fanout.channels (channel) VALUES ('fcm')")
    activity.insert(EVERYONE)
    activity.adopt()
    assert activity.deliveries("channel", "recipient", "user_id")[1:] == [
        ("bus", "topic:global_notifications", None),
        ("fcm", "topic:all", None),
    ]


def test_a_row_that_another_worker_has_is_left_to_it(activity: Activity) -> None:
    first, second = activity.insert(), activity.insert()
    with psycopg.connect(activity.database.dsn) as other:
        other.execute("SELECT FROM activity.notifications WHERE id = %s FOR UPDATE", [first])
        assert activity.adopt() == 1
        assert activity.deliveries("source_id") == [(str(second),)]
    assert activity.adopt() == 1


@pytest.mark.parametrize("column", ["created_at", "deliver_at", "expires_at"])
@pytest.mark.parametrize(
    "time", ["infinity", "-infinity", "20000-01-01", "0400-01-01 BC", "294276-12-31", None]
)
def test_no_time_that_others_write_stops_the_adoption_or_a_reader(
    activity: Activity, column: str, time: str | None
) -> None:
    activity.execute("ALTER TABLE activity.notifications ALTER created_at DROP NOT NULL")
    activity.execute("ALTER TABLE activity.notifications ALTER deliver_at DROP NOT NULL")
    odd = activity.insert(None, **{column: time})
    usual = activity.insert()
    activity.adopt()
    assert (str(usual),) in activity.deliveries("source_id")
    # What is due can be read. A row without a time, or with one before the switch, is never sent.
    due = activity.rows(
        "SELECT source_id, created_at, deliver_at, next_attempt_at, expires_at"
        " FROM fanout.deliveries WHERE next_attempt_at <= now()"
    )
    assert str(usual) in {row[0] for row in due}
    if column == "created_at" and time in ("-infinity", "0400-01-01 BC", None):
        assert activity.rows("SELECT taken_at FROM activity.notifications WHERE id = %s", odd) == [
            (None,)
        ]


def test_odd_values_of_a_table_that_others_made_end_with_an_error_or_the_usual_value(
    activity: Activity,
) -> None:
    for column in ("user_id", "priority", "notification_type", "deliver_at"):
        activity.execute(f"ALTER TABLE activity.notifications ALTER {column} DROP NOT NULL")
    activity.execute(
        "ALTER TABLE activity.notifications DROP CONSTRAINT notifications_priority_check"
    )
    nobody = uuid4()
    activity.execute(
        "INSERT INTO activity.notifications (id, user_id, title, message)"
        " VALUES (%s, NULL, 't', 'm')",
        nobody,
    )
    odd = activity.insert(priority=None, notification_type=None, deliver_at=None, collapse_key="")
    shouted = activity.insert(priority="HIGH", payload=orjson.dumps([1]).decode())
    assert activity.adopt() == 3
    assert activity.deliveries("source_id", "priority", "kind", "collapse_key") == [
        (str(odd), 2, "system", None),
        (str(shouted), 1, "system", None),
    ]
    assert activity.row(nobody) == (True, 1, "user_id is missing: give the id of a person")


def test_without_the_switch_no_row_is_taken(activity: Activity) -> None:
    activity.execute("DELETE FROM fanout.channels")
    activity.insert()
    assert activity.adopt() == 0


def test_a_message_has_new_rows_looked_for_at_once(desk: PushDesk) -> None:
    """Control: the clock alone waits for its time."""
    bus, claims = CHANNELS[DeliveryChannel.BUS], PushClaims(desk.sender, adopt_seconds=3600)
    assert not claims.claim(bus).leases
    desk.notify()
    assert not claims.claim(bus).leases
    wait_until(lambda: claims.claim(bus, woken=True).leases, seconds=30, what="the row is claimed")
