"""The golden cases of push: F22 to F25, F29 to F36 and F42 of the specification."""

from collections.abc import Iterator
from datetime import timedelta

import pytest

from pipeline.domain.delivery import DeliveryChannel, Priority
from pipeline.steps.push.channels import CHANNELS
from pipeline.steps.push.claim import claims_of
from tests.golden.stage import Stage
from tests.golden.world import U1, U2, U3
from tests.steps.push.desk import NOBODY, PushDesk, open_desk, tokens, work

HOUR = 3_600


@pytest.fixture
def desk(stage: Stage) -> Iterator[PushDesk]:
    """Every golden case runs through the whole graph."""
    with open_desk(stage) as desk:
        desk.through_graph = True
        yield desk


def insert_many(desk: PushDesk, count: int, *, priority: str, age: timedelta) -> None:
    desk.execute(
        "INSERT INTO activity.notifications"
        " (user_id, title, message, priority, created_at, deliver_at)"
        " SELECT %s, 'Hello', n::text, %s, now() - %s, now() - %s"
        " FROM generate_series(1, %s) AS n",
        U2, priority, age, age, count,
    )  # fmt: skip


def test_f22_a_row_is_told_at_its_time_and_never_before(desk: PushDesk) -> None:
    desk.bus.connected[U2] = 1
    desk.execute(
        "INSERT INTO activity.notifications (user_id, title, message, deliver_at)"
        " VALUES (%s, 'Hello', 'Later', now() + interval '10 minutes')",
        U2,
    )
    desk.run()
    desk.pass_time(540)
    desk.run()
    assert desk.bus.taken == []
    desk.pass_time(60)
    desk.run()
    assert len(desk.bus.taken) == 1


def test_f23_a_row_without_a_time_is_told_at_once(desk: PushDesk) -> None:
    desk.bus.connected[U2] = 1
    desk.notify()
    desk.run()
    assert [target for _, target in desk.bus.taken] == [str(U2)]
    assert desk.activity() == [(True, 0, None)]


def test_f24_a_row_is_told_without_any_message_about_it(desk: PushDesk) -> None:
    # The wake-up of ``run`` names no row: it is what the clock gives every quarter of a second.
    desk.bus.connected[U2] = 1
    desk.notify()
    desk.run()
    assert desk.deliveries() == [("bus", "done", 1, 0)]


def test_f25_rows_that_are_due_together_have_one_order(desk: PushDesk) -> None:
    desk.bus.connected[U2] = 1
    for priority in ("low", "normal", "critical", "normal", "high"):
        desk.notify(priority=priority)
    desk.execute("UPDATE activity.notifications SET deliver_at = now() - interval '1 second'")
    claims_of(desk.sender).look_again()
    channel = CHANNELS[DeliveryChannel.BUS]
    first = [each.values["id"] for each in claims_of(desk.sender).claim(channel).leases]
    desk.pass_time(60)
    again = [each.values["id"] for each in claims_of(desk.sender).claim(channel).leases]
    ranks = desk.rows(
        "SELECT priority FROM unnest(%s::uuid[]) WITH ORDINALITY AS wanted (id, place)"
        " JOIN fanout.deliveries USING (id) ORDER BY place",
        first,
    )
    assert [rank for (rank,) in ranks] == [0, 1, 2, 2, 3]
    assert again == first


def test_f29_a_row_for_everyone_is_told_once_to_each_topic(desk: PushDesk) -> None:
    desk.device("phone", U2)
    desk.notify(NOBODY)
    desk.run(2)
    assert [target for _, target in desk.bus.taken] == ["topic:global_notifications"]
    assert tokens(desk.fcm) == ["topic:all"]
    assert desk.activity() == [(True, 0, None)]


def test_f31_who_is_connected_hears_of_it_on_the_bus_only(desk: PushDesk) -> None:
    desk.device("phone", U2)
    desk.bus.connected[U2] = 2
    desk.notify()
    desk.run(2)
    assert desk.deliveries() == [("bus", "done", 1, 0)]
    assert desk.fcm.taken == []
    assert desk.activity() == [(True, 0, None)]


def test_f32_who_is_not_connected_hears_of_it_on_each_phone_once(desk: PushDesk) -> None:
    desk.device("phone", U2)
    desk.device("tablet", U2)
    desk.notify()
    desk.run(2)
    assert tokens(desk.fcm) == ["phone", "tablet"]
    assert desk.deliveries() == [
        ("bus", "cancelled", 1, 0), ("fcm", "done", 1, 0), ("fcm", "done", 1, 0),
    ]  # fmt: skip
    assert desk.codes()[0] == ("bus", "cancelled", "not_connected")
    assert desk.activity() == [(True, 0, None)]


def test_f34_what_failed_last_is_named_and_tried_again_by_its_backoff(desk: PushDesk) -> None:
    desk.device("phone", U2)
    desk.bus.status, desk.fcm.status = 503, 503
    desk.notify()
    desk.run()
    assert desk.deliveries() == [("bus", "cancelled", 1, 0), ("fcm", "waiting", 1, 1)]
    [(is_processed, errors, last_error)] = desk.activity()
    assert (is_processed, errors) == (False, 1)
    assert last_error.startswith("fcm: ")
    ((pause,),) = desk.rows(
        "SELECT next_attempt_at - try.finished_at FROM fanout.attempts AS try"
        " JOIN fanout.deliveries ON id::text = try.record_id WHERE channel = 'fcm'"
    )
    assert pause == timedelta(seconds=5)
    desk.fcm.status = None
    # On a slow machine, five seconds are over before the next look.
    desk.pass_time(-HOUR)
    desk.run()
    assert desk.fcm.taken == []
    desk.pass_time(HOUR + 5)
    desk.run()
    assert tokens(desk.fcm) == ["phone"]
    [(is_processed, errors, _)] = desk.activity()
    assert (is_processed, errors) == (True, 1)


def test_f35_a_critical_row_passes_a_thousand_that_wait(desk: PushDesk) -> None:
    desk.bus.connected = {U1: 1, U2: 1, U3: 1}
    desk.execute("UPDATE fanout.channels SET since = now() - interval '1 day'")
    desk.execute("UPDATE fanout_migrations SET applied_at = now() - interval '1 day'")
    insert_many(desk, 1_000, priority="normal", age=timedelta(minutes=11))
    # They are adopted, and a part of them is leased already.
    claims_of(desk.sender).look_again()
    work(desk.sender, claims_of(desk.sender))
    leased = len(desk.bus.taken)
    assert 0 < leased < 1_000
    desk.notify(U1, priority="critical")
    low = desk.notify(U3, priority="low")
    desk.execute(
        "UPDATE activity.notifications SET deliver_at = now() - interval '1 hour',"
        " created_at = now() - interval '50 minutes' WHERE id = %s",
        low,
    )
    # A wake-up claims for two seconds at most.
    desk.run(10)
    told = [target for _, target in desk.bus.taken]
    assert len(told) == 1_002
    # Both are in the next claim. The low one is an hour old: it has aged past what is normal and
    # eleven minutes old.
    claims = desk.rows("SELECT DISTINCT started_at FROM fanout.deliveries ORDER BY started_at")
    ours = desk.rows("SELECT started_at FROM fanout.deliveries WHERE user_id <> %s", U2)
    assert ours == [claims[1]] * 2
    assert len(claims) >= 10


@pytest.mark.parametrize(
    ("word", "rank"), [("urgent", 0), ("critical", 0), ("high", 1), ("medium", 2), ("low", 3)]
)
def test_f36_words_for_priorities_have_ranks(desk: PushDesk, word: str, rank: int) -> None:
    desk.notify(priority=word)
    claims_of(desk.sender).look_again()
    work(desk.sender, claims_of(desk.sender))
    assert desk.rows("SELECT priority FROM fanout.deliveries") == [(rank,)]
    assert Priority.of(word) == rank


def test_f42_a_payload_of_any_size_is_told(desk: PushDesk) -> None:
    desk.device("phone", U2)
    desk.execute(
        "INSERT INTO activity.notifications (user_id, title, message, payload)"
        " VALUES (%s, 'Hello', 'Large', jsonb_build_object('text', repeat('x', 9000)))",
        U2,
    )
    desk.run()
    assert tokens(desk.fcm) == ["phone"]
    # What is captured holds no payload: two columns, whatever the row holds.
    assert desk.rows(
        "SELECT attnames FROM pg_publication_tables"
        " WHERE schemaname = 'activity' AND tablename = 'notifications'"
    ) == [(["id", "created_at"],)]
