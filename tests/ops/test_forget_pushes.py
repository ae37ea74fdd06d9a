"""``forget`` and retention, of push: devices go, what waits is cancelled, others stay."""

from uuid import UUID, uuid4

import psycopg
import pytest

from pipeline.clients.postgres.sql import load
from pipeline.ops.families import Family
from pipeline.ops.forget.forget import forget
from pipeline.ops.migrate import migrate
from pipeline.settings import DatabaseSettings
from tests.databases import Database, Databases
from tests.steps.push.rows import Activity

ANN = UUID("a0000000-0000-4000-8000-00000000000a")
BOB = UUID("b0000000-0000-4000-8000-00000000000b")


def told_both(activity: Activity) -> tuple[UUID, UUID]:
    """Register two devices of Ann and one of Bob, and tell each something; return the rows."""
    for person, token in ((ANN, "phone"), (ANN, "tablet"), (BOB, "his")):
        activity.execute("SELECT fanout.register_device(%s, 'web', %s)", person, token)
    rows = activity.insert(ANN, collapse_key="k"), activity.insert(BOB, collapse_key="k")
    activity.adopt()
    activity.execute(
        "INSERT INTO fanout.deliveries (id, cause, channel, recipient, kind, user_id)"
        " SELECT gen_random_uuid(), 'x:1', 'fcm', id::text, 'x', user_id FROM fanout.device_tokens"
    )
    return rows


def check(activity: Activity) -> None:
    rows = told_both(activity)
    settings = DatabaseSettings(dsn=activity.database.operator_dsn)
    planned = forget(settings, ANN, dry_run=True)
    assert (planned.rows["fanout.device_tokens"], planned.rows["fanout.deliveries"]) == (2, 3)
    assert planned.left["activity.notifications"] == 1
    assert activity.rows("SELECT count(*) FROM fanout.device_tokens") == [(3,)]

    done = forget(settings, ANN)
    assert done.rows == planned.rows
    assert activity.rows("SELECT user_id, token FROM fanout.device_tokens") == [(BOB, "his")]
    assert activity.rows(
        "SELECT user_id, state, recipient, reason, count(*)::int FROM fanout.deliveries"
        " WHERE user_id IS DISTINCT FROM %s GROUP BY 1, 2, 3, 4",
        BOB,
    ) == [(None, "cancelled", "erased", "the person was erased", 3)]
    assert activity.rows(
        "SELECT DISTINCT state, collapse_key IS NULL FROM fanout.deliveries WHERE user_id = %s"
        " AND channel = 'bus'",
        BOB,
    ) == [("pending", False)]
    # What is cancelled has ended, and the service sees it.
    assert [activity.row(row)[0] for row in rows] == [True, False]
    assert forget(settings, ANN).rows["fanout.deliveries"] == 0


def test_a_person_is_erased_from_devices_and_deliveries(database: Database) -> None:
    check(Activity(database))


def test_the_same_in_a_database_with_push_and_without_mail(databases: Databases) -> None:
    with databases.empty() as database:
        migrate(database.dsn, family=Family.ACTIVITY)
        check(Activity(database))


def test_a_device_that_changes_hands_gets_a_new_id(database: Database) -> None:
    activity = Activity(database)
    register = "SELECT fanout.register_device(%s, %s, 'token')"
    ((first,),) = activity.rows(register, ANN, "ios")
    assert activity.rows(register, ANN, "ios") == [(first,)]
    ((second,),) = activity.rows(register, BOB, "android")
    assert second != first
    assert activity.rows("SELECT id, user_id, platform FROM fanout.device_tokens") == [
        (second, BOB, "android")
    ]
    assert activity.rows("SELECT fanout.unregister_device('token')") == [(True,)]
    assert activity.rows("SELECT fanout.unregister_device('token')") == [(False,)]
    assert activity.rows("SELECT count(*) FROM fanout.device_tokens") == [(0,)]


INSERT = (
    "INSERT INTO fanout.deliveries (id, cause, channel, recipient, kind, state, finished_at,"
    " collapse_key) VALUES (%s, 'x:1', %s, 'r', 'x', %s,"
    " CASE %s WHEN 'done' THEN now() - %s::interval END, %s)"
)


def put(
    activity: Activity,
    channel: str = "bus",
    state: str = "done",
    age: str = "40 days",
    collapse_key: str | None = None,
) -> UUID:
    id_ = uuid4()
    activity.execute(INSERT, id_, channel, state, state, age, collapse_key)
    return id_


@pytest.mark.parametrize("dry_run", [True, False])
def test_retention_deletes_what_ended_long_ago_and_nothing_else(
    database: Database, *, dry_run: bool
) -> None:
    activity = Activity(database)
    kept = {
        put(activity, age="20 days"),
        put(activity, state="pending"),
        put(activity, channel="email"),
        put(activity, state="paused", collapse_key="k"),
        # It has replaced the paused one, which would go out without it.
        put(activity, collapse_key="k"),
    }
    old = {put(activity), put(activity, channel="fcm"), put(activity, channel="webhook")}
    with psycopg.connect(database.jobs_dsn, autocommit=True) as connection:
        row = connection.execute(
            load("pipeline.steps", "delete_pushes"),
            {
                "now": activity.now(),
                "days": 30,
                "after": None,
                "most": 100,
                "dry_run": dry_run,
            },
        ).fetchone()
    assert row == (4, 3, 0 if dry_run else 3, 1, None)
    left = {id_ for (id_,) in activity.deliveries("id")}
    assert left == (kept | old if dry_run else kept)
