"""What becomes of a delivery that the bus did not bring to anybody, and of a phone that is gone."""

import json

import pytest

from pipeline.domain.delivery import DeliveryChannel
from pipeline.steps.push.channels import CHANNELS
from pipeline.steps.push.check import check_pushes
from pipeline.steps.push.claim import claims_of
from tests.golden.world import U1, U2
from tests.steps.push.desk import NOBODY, PushDesk, tokens

OPEN = "SELECT name FROM fanout.switches WHERE state = 'open' ORDER BY name"


def codes_of(desk: PushDesk, channel: str) -> list[tuple[str, str | None]]:
    return [(result, code) for each, result, code in desk.codes() if each == channel]


def test_without_a_bus_every_push_goes_to_the_phone(desk: PushDesk) -> None:
    desk.has_bus = False
    desk.device("phone")
    desk.notify()
    desk.run(2)
    assert tokens(desk.fcm) == ["phone"]
    assert codes_of(desk, "bus") == [("cancelled", "no_bus")]


def test_without_a_bus_what_everyone_is_told_ends_there_and_goes_to_phones(desk: PushDesk) -> None:
    desk.has_bus = False
    desk.notify(NOBODY)
    desk.run(2)
    assert codes_of(desk, "bus") == [("cancelled", "no_bus")]
    assert tokens(desk.fcm) == ["topic:all"]
    assert desk.activity()[0][0]


def test_without_fcm_who_is_not_connected_is_not_told(desk: PushDesk) -> None:
    desk.has_fcm = False
    desk.device("phone")
    desk.notify()
    desk.run(2)
    assert desk.deliveries() == [("bus", "cancelled", 1, 0)]
    assert codes_of(desk, "bus") == [("cancelled", "no_device")]


@pytest.mark.parametrize("status", [400, 503])
def test_without_a_phone_and_without_a_bus_it_waits_for_the_bus(
    desk: PushDesk, status: int
) -> None:
    desk.bus.status = status
    desk.notify()
    desk.run(2)
    assert desk.deliveries() == [("bus", "waiting", 1, 1)]
    [(is_processed, errors, last_error)] = desk.activity()
    assert (is_processed, errors) == (False, 1)
    assert last_error.startswith("bus: ")
    desk.bus.status = None
    desk.bus.connected[U2] = 1
    desk.pass_time(5)
    desk.run()
    assert desk.deliveries() == [("bus", "done", 2, 1)]


@pytest.mark.parametrize("status", [400, 401, 429, 500, 503])
def test_an_error_of_the_bus_is_followed_by_the_phone(desk: PushDesk, status: int) -> None:
    desk.bus.status = status
    desk.device("phone")
    desk.notify()
    desk.run(2)
    assert tokens(desk.fcm) == ["phone"]
    assert codes_of(desk, "bus") == [("cancelled", "bus_unreachable")]


def test_an_answer_of_the_bus_that_is_lost_is_followed_by_the_phone(desk: PushDesk) -> None:
    desk.bus.drops = True
    desk.device("phone")
    desk.notify()
    desk.run(2)
    assert tokens(desk.fcm) == ["phone"]
    assert len(desk.bus.taken) == 1


def test_while_its_breaker_is_open_the_bus_is_not_asked_and_phones_are_told_at_once(
    desk: PushDesk,
) -> None:
    desk.device("phone", U2)
    desk.bus.status = 503
    for _ in range(3):
        desk.notify()
        desk.run()
    assert desk.rows(OPEN) == [("push:bus",)]
    asked = len(desk.bus.taken)
    desk.bus.status = None
    desk.notify(U2)
    # U1 has no phone: it waits for the bus, and that is no failure.
    desk.notify(U1)
    desk.run()
    assert len(desk.bus.taken) == asked
    assert tokens(desk.fcm) == ["phone"] * 4
    assert desk.rows("SELECT state, failures FROM fanout.deliveries WHERE user_id = %s", U1) == [
        ("waiting", 0)
    ]
    desk.bus.connected[U1] = 1
    desk.pass_time(31)
    desk.run(2)
    assert desk.rows(OPEN) == []
    assert desk.rows("SELECT state FROM fanout.deliveries WHERE user_id = %s", U1) == [("done",)]


def test_the_breaker_of_the_bus_keeps_its_trial_for_a_delivery(desk: PushDesk) -> None:
    desk.device("phone")
    desk.bus.status = 503
    for _ in range(3):
        desk.notify()
        desk.run()
    assert desk.rows(OPEN) == [("push:bus",)]
    desk.bus.status, desk.bus.connected[U2] = None, 1
    # What a person paused is not due either.
    desk.execute("INSERT INTO fanout.switches (name, state) VALUES ('push:comment', 'paused')")
    desk.notify(notification_type="comment")
    desk.run(2)
    desk.pass_time(31)
    desk.run(2)
    desk.notify()
    desk.run(2)
    assert desk.rows(OPEN) == []
    assert desk.deliveries()[-1] == ("bus", "done", 1, 0)


def test_a_dead_token_is_deleted_and_holds_no_other_device_up(desk: PushDesk) -> None:
    for token in ("gone", "phone", "tablet"):
        desk.device(token)
    desk.fcm.unregistered.add("gone")
    desk.notify()
    desk.run(2)
    assert tokens(desk.fcm) == ["phone", "tablet"]
    assert desk.rows("SELECT token FROM fanout.device_tokens ORDER BY token") == [
        ("phone",), ("tablet",),
    ]  # fmt: skip
    assert sorted(codes_of(desk, "fcm")) == [
        ("dead", "UNREGISTERED"), ("done", None), ("done", None),
    ]  # fmt: skip
    assert desk.activity()[0][0]
    desk.notify()
    desk.run(2)
    assert tokens(desk.fcm) == ["phone", "phone", "tablet", "tablet"]


def test_control_a_token_that_is_known_stays(desk: PushDesk) -> None:
    desk.device("phone")
    desk.notify()
    desk.run(2)
    assert desk.rows("SELECT token FROM fanout.device_tokens") == [("phone",)]


def test_a_message_without_an_answer_is_repeated_once_with_its_id(desk: PushDesk) -> None:
    desk.device("phone")
    desk.fcm.drops = True
    desk.notify()
    for _ in range(4):
        desk.run(2)
        desk.pass_time(900)
    assert set(desk.fcm.counts.values()) == {2}
    assert len(desk.fcm.counts) == 1
    assert codes_of(desk, "fcm")[-1] == ("dead", "in_doubt")
    [(is_processed, _, last_error)] = desk.activity()
    assert is_processed
    assert last_error.startswith("fcm: ")


def test_a_message_that_fcm_answered_is_not_in_doubt(desk: PushDesk) -> None:
    desk.device("phone")
    desk.fcm.status = 503
    desk.notify()
    for _ in range(2):
        desk.run(2)
        desk.pass_time(900)
    desk.fcm.status = None
    desk.run()
    assert desk.deliveries()[-1] == ("fcm", "done", 3, 2)


def test_a_quota_that_is_used_up_costs_no_attempt_and_holds_back_the_others(
    desk: PushDesk,
) -> None:
    desk.device("phone")
    desk.fcm.status, desk.fcm.headers = 429, {"Retry-After": "400"}
    desk.notify()
    desk.run(2)
    assert desk.deliveries()[-1] == ("fcm", "waiting", 1, 0)
    desk.fcm.status = None
    desk.notify()
    desk.run(2)
    assert desk.fcm.taken == []
    desk.pass_time(401)
    desk.run(2)
    assert tokens(desk.fcm) == ["phone", "phone"]
    assert {failures for _, _, _, failures in desk.deliveries()} == {0}


def test_failures_that_open_the_breaker_of_fcm_cost_no_attempt(desk: PushDesk) -> None:
    desk.device("phone")
    desk.fcm.status = 503
    for _ in range(2):
        desk.notify()
        desk.run()
    # Control: each is a failure as long as the breaker is closed.
    waiting = "SELECT failures FROM fanout.deliveries WHERE channel = 'fcm'"
    assert desk.rows(waiting) == [(1,)] * 2
    desk.notify()
    desk.run()
    assert desk.rows(OPEN) == [("push:fcm",)]
    assert desk.rows(waiting) == [(0,)] * 3


def test_while_the_breaker_of_fcm_is_open_its_messages_wait_and_the_bus_goes_on(
    desk: PushDesk,
) -> None:
    desk.device("phone", U2)
    desk.bus.connected[U1] = 1
    desk.fcm.status = 401
    desk.notify(U2)
    desk.run(2)
    assert desk.rows(OPEN) == [("push:fcm",)]
    desk.notify(U1)
    desk.run(2)
    assert desk.deliveries()[-1] == ("bus", "done", 1, 0)
    assert desk.rows("SELECT state FROM fanout.deliveries WHERE channel = 'fcm'") == [("paused",)]
    desk.fcm.status = None
    desk.pass_time(301)
    desk.run(2)
    assert tokens(desk.fcm) == ["phone"]
    assert desk.rows(OPEN) == []


def test_the_trial_of_fcm_is_nothing_that_a_person_paused(desk: PushDesk) -> None:
    desk.device("phone")
    desk.fcm.status = 401
    desk.notify(notification_type="comment")
    desk.run(2)
    desk.execute("INSERT INTO fanout.switches (name, state) VALUES ('push:comment', 'paused')")
    desk.notify(notification_type="reminder")
    desk.run(2)
    desk.fcm.status = None
    desk.pass_time(301)
    desk.run(2)
    assert desk.rows(OPEN) == []
    told = "SELECT kind, state FROM fanout.deliveries WHERE channel = 'fcm' ORDER BY kind"
    assert desk.rows(told) == [("comment", "paused"), ("reminder", "done")]


def test_a_device_that_changed_hands_gets_nothing_of_the_person_before(desk: PushDesk) -> None:
    desk.device("phone", U2)
    desk.fcm.status = 503
    desk.notify(U2)
    desk.run(2)
    desk.device("phone", U1)
    desk.fcm.status = None
    desk.pass_time(900)
    desk.run(2)
    assert desk.fcm.taken == []
    assert codes_of(desk, "fcm")[-1] == ("cancelled", "no_device")


def test_a_later_row_with_the_same_key_replaces_what_still_waits(desk: PushDesk) -> None:
    desk.bus.connected[U2] = 1
    *_, last = [desk.notify(collapse_key="thread-1") for _ in range(3)]
    other = desk.notify(collapse_key="thread-2")
    desk.run(2)
    assert len(desk.bus.taken) == 2
    told = "SELECT source_id::uuid FROM fanout.deliveries WHERE state = 'done'"
    assert {source for (source,) in desk.rows(told)} == {last, other}
    assert [code for _, code in codes_of(desk, "bus")].count("superseded") == 2
    assert {is_processed for is_processed, _, _ in desk.activity()} == {True}


def test_a_later_row_to_another_person_replaces_nothing(desk: PushDesk) -> None:
    desk.bus.connected = {U1: 1, U2: 1}
    desk.notify(U2, collapse_key="thread-1")
    desk.notify(U1, collapse_key="thread-1")
    desk.run()
    assert sorted(target for _, target in desk.bus.taken) == sorted([str(U1), str(U2)])


def test_nobody_is_asked_for_a_delivery_that_another_worker_took_over(desk: PushDesk) -> None:
    for _ in range(2):
        desk.notify()
    claims_of(desk.sender).look_again()
    claimed = claims_of(desk.sender).claim(CHANNELS[DeliveryChannel.BUS])
    lost, ours = claimed.leases
    desk.execute(
        "UPDATE fanout.deliveries SET lease_token = gen_random_uuid() WHERE sequence = %s",
        lost.sequence,
    )
    checked = check_pushes(desk.sender, claimed)
    assert [each.leases for each in checked.asked] == [(ours,)]
    assert checked.settlements == []
    asked = "SELECT sequence FROM fanout.deliveries WHERE asked_at IS NOT NULL"
    assert desk.rows(asked) == [(ours.sequence,)]


def test_what_has_expired_is_not_told_any_more(desk: PushDesk) -> None:
    desk.bus.connected[U2] = 1
    desk.notify()
    desk.execute("UPDATE activity.notifications SET expires_at = now() + interval '1 minute'")
    desk.execute("UPDATE activity.notifications SET deliver_at = now() + interval '2 minutes'")
    desk.run()
    desk.pass_time(120)
    desk.run()
    assert desk.bus.taken == []
    assert codes_of(desk, "bus") == [("expired", "expired")]


def test_rows_that_are_older_than_the_first_start_tell_nothing(desk: PushDesk) -> None:
    desk.bus.connected[U2] = 1
    desk.execute(
        "INSERT INTO activity.notifications (user_id, title, message, created_at, deliver_at)"
        " SELECT %s, 'Hello', 'Old', now() - interval '1 hour', now() - interval '1 hour'"
        " FROM generate_series(1, 100)",
        U2,
    )
    desk.run(3)
    assert desk.deliveries() == []
    assert desk.bus.taken == []


def test_what_a_person_paused_waits_and_goes_on(desk: PushDesk) -> None:
    desk.bus.connected[U2] = 1
    desk.execute("INSERT INTO fanout.switches (name, state) VALUES ('push:comment', 'paused')")
    desk.notify(notification_type="comment")
    desk.notify(notification_type="reminder")
    desk.run(2)
    assert [state for _, state, _, _ in desk.deliveries()] == ["paused", "done"]
    desk.execute("DELETE FROM fanout.switches")
    desk.pass_time(0)
    desk.run(2)
    assert [state for _, state, _, _ in desk.deliveries()] == ["done", "done"]


def test_a_dry_run_says_what_it_would_do_and_does_nothing(
    desk: PushDesk, capsys: pytest.CaptureFixture[str]
) -> None:
    desk.device("phone")
    desk.has_bus = False
    desk.notify()
    desk.run(2)
    desk.has_bus = True
    desk.fcm.taken.clear()
    desk.notify(title="canary-title")
    desk.execute(
        "INSERT INTO fanout.deliveries (id, cause, channel, recipient, kind, user_id, source,"
        " source_id) SELECT gen_random_uuid(), 'activity.notifications:' || id, 'bus',"
        " user_id::text, 'system', user_id, 'activity.notifications', id::text"
        " FROM activity.notifications WHERE title = 'canary-title'"
    )
    desk.dry_run = True
    before = desk.deliveries()
    desk.run()
    [line] = capsys.readouterr().out.splitlines()
    told = json.loads(line)
    assert (told["channel"], told["would"]) == ("bus", "send")
    assert "canary-title" not in line
    assert desk.deliveries() == before
    assert desk.bus.taken == desk.fcm.taken == []
