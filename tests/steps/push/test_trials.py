"""The one trial of a breaker that has cooled off: it is not lost to what is not to be sent."""

from typing import Any

import psycopg

from pipeline.clients.postgres.sql import load
from pipeline.domain.delivery import DeliveryChannel
from pipeline.steps.push.channels import CHANNELS
from pipeline.steps.push.check import check_pushes
from pipeline.steps.push.claim import ClaimedPushes, PushClaims
from tests.golden.world import U2
from tests.steps.push.desk import PushDesk, tokens

OPEN = "SELECT name FROM fanout.switches WHERE state = 'open'"
# The cool-off of a refusal is 300 seconds.
COOL_OFF = 301


def refused(desk: PushDesk, messages: int) -> list[Any]:
    """Rows whose messages to the phone wait behind the breaker of FCM, which then works again."""
    desk.device("phone")
    desk.fcm.status = 401
    rows = []
    for _ in range(messages):
        rows.append(desk.notify())
        desk.run(2)
    assert desk.rows(OPEN) == [("push:fcm",)]
    desk.fcm.status = None
    desk.pass_time(COOL_OFF)
    return rows


def claim(desk: PushDesk) -> ClaimedPushes:
    """As a process that has not claimed before."""
    desk.forget()
    return PushClaims(desk.sender).claim(CHANNELS[DeliveryChannel.FCM])


def test_a_trial_whose_delivery_is_not_sent_any_more_is_given_to_the_next_one(
    desk: PushDesk,
) -> None:
    first, second, _ = refused(desk, 3)
    desk.execute("DELETE FROM activity.notifications WHERE id IN (%s, %s)", first, second)
    desk.run()
    assert tokens(desk.fcm) == ["phone"]
    assert desk.rows(OPEN) == []
    states = "SELECT state FROM fanout.deliveries WHERE channel = 'fcm' ORDER BY sequence"
    assert desk.rows(states) == [("cancelled",), ("cancelled",), ("done",)]


def test_control_a_trial_that_a_killed_worker_took_costs_a_cool_off(desk: PushDesk) -> None:
    refused(desk, 3)
    assert claim(desk).doors.trial == "fcm"
    assert claim(desk).doors.trial is None
    desk.pass_time(COOL_OFF)
    assert claim(desk).doors.trial == "fcm"


def test_only_one_message_is_the_trial_and_it_is_not_given_back(desk: PushDesk) -> None:
    refused(desk, 3)
    checked = check_pushes(desk.sender, claim(desk))
    assert [each.trial for each in checked.asked] == [True]
    assert claim(desk).doors.trial is None


def test_a_worker_that_was_slow_does_not_give_back_the_trial_of_another_one(
    desk: PushDesk,
) -> None:
    for row in refused(desk, 3):
        desk.execute("DELETE FROM activity.notifications WHERE id = %s", row)
    slow = claim(desk)
    desk.pass_time(COOL_OFF)
    other = claim(desk)
    assert (slow.doors.trial, other.doors.trial) == ("fcm", "fcm")
    check_pushes(desk.sender, slow)
    assert claim(desk).doors.trial is None
    # Control: the other one may.
    check_pushes(desk.sender, other)
    assert claim(desk).doors.trial == "fcm"


def test_a_trial_is_nothing_that_another_worker_has(desk: PushDesk) -> None:
    refused(desk, 1)
    desk.execute("UPDATE fanout.deliveries SET state = 'paused' WHERE channel = 'fcm'")
    release, channel = load("pipeline.steps.push", "release_push"), {"channel": "fcm"}
    with (
        psycopg.connect(desk.stage.database.dsn) as other,
        psycopg.connect(desk.stage.database.push_dsn, autocommit=True) as ours,
    ):
        ours.execute("SET lock_timeout = '2s'")
        other.execute("SELECT FROM fanout.deliveries FOR UPDATE")
        assert ours.execute(release, channel).rowcount == 0
        other.rollback()
        # Control: what nobody has is released.
        assert ours.execute(release, channel).rowcount == 1


def test_no_trial_is_taken_while_the_provider_allows_no_request(desk: PushDesk) -> None:
    refused(desk, 1)
    blocked = "UPDATE fanout.rate_limits SET blocked_until = now() + make_interval(secs => %s)"
    desk.execute(blocked, 60)
    assert claim(desk).doors.trial is None
    desk.execute(blocked, 0)
    assert claim(desk).doors.trial == "fcm"


def test_the_trial_of_the_bus_goes_to_a_delivery_that_is_told(desk: PushDesk) -> None:
    desk.device("phone")
    desk.bus.status = 503
    for _ in range(3):
        desk.notify()
        desk.run()
    assert desk.rows(OPEN) == [("push:bus",)]
    desk.bus.status, desk.bus.connected[U2] = None, 1
    desk.pass_time(31)
    gone = desk.notify()
    claims = PushClaims(desk.sender)
    claimed = claims.claim(CHANNELS[DeliveryChannel.BUS], woken=True)
    assert claimed.doors.trial == "bus"
    desk.execute("DELETE FROM activity.notifications WHERE id = %s", gone)
    check_pushes(desk.sender, claimed)
    desk.notify()
    desk.run()
    assert len(desk.bus.taken) == 1
    assert desk.rows(OPEN) == []
