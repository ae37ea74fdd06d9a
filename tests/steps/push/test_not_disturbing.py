"""What becomes of a push that may not ring: it waits, goes into a digest or ends, and says why."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

import psycopg
import pytest

from pipeline.domain.delivery import DeliveryChannel
from pipeline.fanout.effects import Channel
from pipeline.push.fallback import NOT_CONNECTED
from pipeline.sinks.push_results import write_push_results
from pipeline.steps.push.channels import CHANNELS
from pipeline.steps.push.claim import claims_of
from pipeline.steps.push.tried import MissedPush, TriedPushes
from tests.deadline import wait_until
from tests.golden.stage import Stage
from tests.golden.world import U2
from tests.steps.push.desk import PushDesk, open_desk, tokens

HOUR: Final = 3600


@pytest.fixture
def desk(stage: Stage) -> Iterator[PushDesk]:
    with open_desk(stage) as desk:
        desk.execute("UPDATE fanout.digest_hours SET zone = 'UTC'")
        desk.device("phone")
        yield desk


def be_quiet(desk: PushDesk) -> datetime:
    """Make it night until two hours from now; return the end."""
    now = datetime.now(ZoneInfo("UTC"))
    ends = (now + timedelta(hours=2)).replace(minute=0, second=0, microsecond=0)
    desk.execute(
        "UPDATE fanout.disturbance SET quiet_from = %s, quiet_until = %s",
        (now - timedelta(hours=1)).time(), ends.time(),
    )  # fmt: skip
    return ends


def be_awake(desk: PushDesk) -> None:
    desk.execute("UPDATE fanout.disturbance SET quiet_from = '00:00', quiet_until = '00:00'")


def reasons(desk: PushDesk) -> list[str | None]:
    return [reason for (reason,) in desk.rows("SELECT reason FROM fanout.deliveries ORDER BY 1")]


def test_in_quiet_hours_it_waits_for_their_end_and_asks_the_bus_again_first(
    desk: PushDesk,
) -> None:
    ends = be_quiet(desk)
    desk.notify()
    desk.run()
    assert desk.deliveries() == [("bus", "waiting", 1, 0)]
    assert desk.codes() == [("bus", "given back", "quiet_hours")]
    assert reasons(desk) == ["nobody was connected; the person has quiet hours"]
    [(until,)] = desk.rows("SELECT next_attempt_at FROM fanout.deliveries")
    assert abs(until - ends) < timedelta(seconds=5)
    desk.bus.connected[U2] = 1
    be_awake(desk)
    desk.pass_time(3 * HOUR)
    desk.run()
    assert desk.deliveries() == [("bus", "done", 2, 0)]
    assert tokens(desk.fcm) == []


def test_in_quiet_hours_the_bus_is_told_and_what_is_critical_rings(desk: PushDesk) -> None:
    be_quiet(desk)
    desk.notify(priority="critical")
    desk.run()
    assert tokens(desk.fcm) == ["phone"]
    desk.bus.connected[U2] = 1
    desk.notify()
    desk.run()
    assert desk.deliveries()[-1] == ("bus", "done", 1, 0)


def send_on(desk: PushDesk, age: str, tries: int) -> None:
    """Have a delivery to the phone that a switch, a breaker or failures held back until now."""
    id_ = desk.notify()
    desk.execute(
        "INSERT INTO fanout.deliveries (id, cause, channel, recipient, kind, user_id, source,"
        " source_id, created_at, attempts) SELECT gen_random_uuid(),"
        " 'activity.notifications:' || %s, 'fcm', id::text, 'system', user_id,"
        " 'activity.notifications', %s, now() - %s::interval, %s FROM fanout.device_tokens",
        id_, str(id_), age, tries,
    )  # fmt: skip


def test_what_was_muted_since_it_was_sent_on_does_not_ring(desk: PushDesk) -> None:
    send_on(desk, "1 hour", 0)
    desk.stage.prefer(U2, "muted", channel=Channel.PUSH)
    desk.run()
    assert tokens(desk.fcm) == []
    assert ("fcm", "cancelled", "muted") in desk.codes()


@pytest.mark.parametrize(("age", "tries"), [("1 hour", 0), ("0 s", 1)])
def test_what_was_sent_on_by_day_does_not_ring_at_night(
    desk: PushDesk, age: str, tries: int
) -> None:
    send_on(desk, age, tries)
    be_quiet(desk)
    desk.run()
    assert tokens(desk.fcm) == []
    assert ("fcm", "given back", "quiet_hours") in desk.codes()
    be_awake(desk)
    desk.execute("DELETE FROM fanout.deliveries WHERE channel = 'bus'")
    desk.pass_time(3 * HOUR)
    desk.run()
    assert tokens(desk.fcm) == ["phone"]


def test_what_is_over_budget_ends_and_says_so_where_no_digest_tells_it(desk: PushDesk) -> None:
    desk.execute("UPDATE fanout.disturbance SET per_hour = 2")
    for _ in range(3):
        desk.notify()
    desk.run()
    assert tokens(desk.fcm) == ["phone"] * 2
    assert ("bus", "cancelled", "over_budget") in desk.codes()
    assert "nobody was connected; the person has got enough pushes for now" in reasons(desk)
    assert [processed for processed, _, _ in desk.activity()] == [True] * 3


def test_what_is_over_budget_waits_for_the_digest_where_there_is_one(desk: PushDesk) -> None:
    desk.execute(
        "UPDATE fanout.disturbance SET per_hour = 0;"
        "INSERT INTO fanout.channels (channel) VALUES ('email')"
    )
    desk.notify()
    desk.run()
    assert desk.deliveries() == [("bus", "digest", 1, 0)]
    assert desk.activity() == [(False, 0, None)]
    # It stays there: nothing tries it again.
    desk.pass_time(HOUR)
    desk.run()
    assert desk.deliveries() == [("bus", "digest", 1, 0)]
    assert tokens(desk.fcm) == []


def test_who_muted_push_is_signalled_on_the_bus_and_not_on_the_phone(desk: PushDesk) -> None:
    desk.stage.prefer(U2, "muted", channel=Channel.PUSH)
    desk.notify()
    desk.run()
    assert desk.codes() == [("bus", "cancelled", "muted")]
    assert reasons(desk) == [
        "nobody was connected; on the phone it is not wanted: the person has muted it"
    ]
    assert tokens(desk.fcm) == []
    desk.bus.connected[U2] = 1
    desk.notify()
    desk.run()
    assert desk.deliveries()[-1] == ("bus", "done", 1, 0)


def test_two_workers_that_settle_at_once_spend_the_last_push_of_a_budget_once(
    desk: PushDesk,
) -> None:
    desk.execute("UPDATE fanout.disturbance SET per_hour = 1")
    desk.notify()
    desk.notify()
    claims_of(desk.sender).look_again()
    first, second = claims_of(desk.sender).claim(CHANNELS[DeliveryChannel.BUS]).leases
    waiting = (
        "SELECT FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
        " AND datname = current_database()"
    )
    # Neither can write what it has decided until both have asked.
    with ThreadPoolExecutor(2) as pool, psycopg.connect(desk.stage.database.dsn) as holder:
        holder.execute("LOCK TABLE fanout.attempts IN EXCLUSIVE MODE")
        written = [
            pool.submit(
                write_push_results,
                desk.sender,
                TriedPushes(
                    channel=DeliveryChannel.BUS,
                    missed=[MissedPush(lease=each, missed=NOT_CONNECTED)],
                ),
            )
            for each in (first, second)
        ]
        wait_until(lambda: len(desk.rows(waiting)) == 2, seconds=30, what="both wait")
    for each in written:
        each.result()
    assert sorted(code or "" for _, _, code in desk.codes()) == ["not_connected", "over_budget"]
    assert [channel for channel, *_ in desk.deliveries()].count("fcm") == 1
