"""The number on the icon of the application: how many notifications the person has not read."""

from typing import Any
from uuid import UUID

import psycopg

from pipeline.clients.postgres.sql import load
from tests.golden.test_invite_accepted import accepted
from tests.golden.world import U1, U2
from tests.plans import nodes
from tests.steps.push.desk import PushDesk

UNREAD, READ = None, "now"


def add(desk: PushDesk, user: UUID, event: int, read_at: str | None, count: int) -> list[int]:
    """Insert notifications as the application does; return their ids."""
    found = desk.rows(
        "INSERT INTO notifications (user_id, event_id, title, read_at)"
        " SELECT %s, %s, 'Earlier', %s::timestamptz FROM generate_series(1, %s) RETURNING id",
        user, event, read_at, count,
    )  # fmt: skip
    return [id_ for (id_,) in found]


def badges(desk: PushDesk) -> dict[str, Any]:
    """Return the number that each device was sent last."""
    found = {}
    for message in desk.fcm.messages:
        apple = message.get("apns", {}).get("payload", {}).get("aps", {})
        android = message.get("android", {}).get("notification", {})
        found[message["token"]] = apple.get("badge", android.get("notification_count"))
    return found


def test_each_phone_shows_how_many_notifications_its_owner_has_not_read(desk: PushDesk) -> None:
    desk.through_graph = True
    stage = desk.stage
    desk.device("apple", U2, "ios")
    desk.device("android", U2)
    desk.device("of another", U1)
    earlier = accepted(stage)
    add(desk, U2, earlier, UNREAD, 2)
    add(desk, U2, earlier, READ, 4)
    stage.deliver(accepted(stage))
    desk.run(2)
    assert badges(desk) == {"apple": 3, "android": 3, "of another": 1}
    desk.execute("UPDATE notifications SET read_at = now() WHERE user_id = %s", U2)
    stage.deliver(accepted(stage))
    desk.run(2)
    assert badges(desk) == {"apple": 1, "android": 1, "of another": 2}


def test_a_push_without_a_notification_in_the_app_leaves_the_number_as_it_is(
    desk: PushDesk,
) -> None:
    desk.device("apple", U2, "ios")
    add(desk, U2, accepted(desk.stage), UNREAD, 2)
    desk.notify()
    desk.run(2)
    assert badges(desk) == {"apple": None}


def test_unread_notifications_are_counted_once_for_each_person_by_an_index(desk: PushDesk) -> None:
    event = accepted(desk.stage)
    desk.execute(
        "INSERT INTO auth.users (id) SELECT gen_random_uuid() FROM generate_series(1, 200)"
    )
    desk.execute(
        "INSERT INTO profiles (id, email, app_role)"
        " SELECT id, id::text, 'borrower' FROM auth.users ON CONFLICT (id) DO NOTHING"
    )
    desk.execute("INSERT INTO domain_events (event_type) SELECT 'x' FROM generate_series(1, 4000)")
    desk.execute(
        "INSERT INTO notifications (user_id, event_id, title)"
        " SELECT person.id, event.id, 'Earlier' FROM domain_events AS event"
        " JOIN (SELECT id, row_number() OVER () AS place FROM profiles) AS person"
        " ON place = event.id %% 200 + 1 WHERE event.id <> %s",
        event,
    )
    ids = [id_ for user in (U2, U1) for id_ in add(desk, user, event, UNREAD, 150)]
    desk.execute("ANALYZE notifications")
    statement = load("pipeline.steps.push", "notifications")
    with psycopg.connect(desk.stage.database.push_dsn) as connection:
        parameters = {"ids": ids, "with_badges": True}
        told = connection.execute(statement, parameters).fetchall()
        explain = b"EXPLAIN (ANALYZE, FORMAT JSON) " + statement
        ((plans,),) = connection.execute(explain, parameters).fetchall()
    # More than 100 are not counted.
    assert [row[-1] for row in told] == [100] * 300
    counting = [
        node
        for node in nodes(plans[0]["Plan"])
        if node.get("Alias") == "unread" and "Actual Loops" in node
    ]
    assert [node["Actual Loops"] for node in counting] == [2]
    [of_person] = counting
    indexes = {node.get("Index Name") for node in nodes(of_person)}
    assert "notifications_user_id_created_at_idx" in indexes
