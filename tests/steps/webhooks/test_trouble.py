"""Endpoints in trouble: what is tried again and when, what ends, and whom it holds up."""

import threading
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

import psycopg
import pytest

from pipeline.clients.postgres.sql import load
from pipeline.domain.lease import Lease
from pipeline.domain.provider_answer import ProviderReply
from pipeline.ops.webhooks.change import disable_endpoint, enable_endpoint, rotate_secret
from pipeline.steps.sending.outbox import Outbox
from pipeline.steps.webhooks.claim import webhook_claims_of
from pipeline.steps.webhooks.endpoints import disable_gone
from pipeline.steps.webhooks.outbox import webhook_outbox_of
from pipeline.steps.webhooks.sender import client_of, table_of_webhooks
from tests.clients.webhooks.conftest import settings
from tests.clients.webhooks.receiver import Receiver
from tests.deadline import wait_until
from tests.steps.webhooks.desk import WebhookDesk, work

HOUR = 3_600


def switches(desk: WebhookDesk) -> list[str]:
    return [name for (name,) in desk.rows("SELECT name FROM fanout.switches")]


def test_a_failure_is_repeated_with_the_same_id_and_body_after_the_pauses_of_push(
    desk: WebhookDesk, receiver: Receiver
) -> None:
    desk.add(receiver)
    desk.tell()
    receiver.statuses = [500, 503]
    desk.run()
    assert desk.states() == [("waiting", 1, 1)]
    for tries, pause in ((1, 5), (2, 10)):
        # On a slow machine, a pause is over before the next look.
        desk.pass_time(-HOUR)
        desk.run()
        assert len(receiver.seen) == tries
        desk.pass_time(HOUR + pause)
        desk.run()
        assert len(receiver.seen) == tries + 1
    assert desk.states() == [("done", 3, 2)]
    assert len({(each.id, each.body) for each in receiver.seen}) == 1


def test_after_twelve_failures_it_is_dead(desk: WebhookDesk, receiver: Receiver) -> None:
    endpoint = desk.add(receiver)
    desk.tell()
    receiver.status = 500
    for _ in range(12):
        desk.run()
        # Another message in between is taken, so that the breaker stays closed.
        receiver.statuses = [204]
        desk.queue(endpoint.id, 1)
        desk.run()
        desk.pass_time(900)
    assert desk.states()[0] == ("dead", 12, 12)
    assert switches(desk) == []


@pytest.mark.parametrize("lost", [True, False])
def test_an_answer_that_is_lost_or_a_worker_that_dies_repeats_the_same_id(
    desk: WebhookDesk, receiver: Receiver, *, lost: bool
) -> None:
    desk.add(receiver)
    desk.tell()
    if lost:
        receiver.statuses = [None]
        desk.run()
    else:
        # The message is sent; then the worker dies before it notes the answer.
        desk.patience = 0
        receiver.held.clear()
        work(desk.sender, webhook_claims_of(desk.sender))
        wait_until(lambda: receiver.waiting == 1, seconds=30, what="a request")
        desk.forget()
        receiver.held.set()
        desk.patience = None
    desk.pass_time(120)
    desk.run()
    assert list(receiver.copies().values()) == [2]
    assert desk.states()[0][0] == "done"


def test_retry_after_holds_for_the_whole_endpoint_and_costs_no_attempt(
    desk: WebhookDesk, receiver: Receiver
) -> None:
    endpoint = desk.add(receiver)
    desk.queue(endpoint.id, 30)
    receiver.statuses, receiver.headers = [429] * 30, {"Retry-After": "120"}
    work(desk.sender, webhook_claims_of(desk.sender))
    asked = len(receiver.seen)
    assert 1 <= asked <= 4
    receiver.statuses, receiver.headers = [], {}
    desk.run()
    assert len(receiver.seen) == asked
    desk.pass_time(121)
    desk.run()
    assert {(state, failures) for state, _, failures in desk.states()} == {("done", 0)}


def test_a_message_that_is_refused_is_dead_after_one_try_and_the_next_is_sent(
    desk: WebhookDesk, receiver: Receiver
) -> None:
    desk.add(receiver)
    desk.tell()
    receiver.statuses = [422]
    desk.run()
    desk.tell()
    desk.run()
    assert [state for state, *_ in desk.states()] == ["dead", "done"]
    assert switches(desk) == []


@pytest.mark.parametrize("status", [301, 401])
def test_a_wrong_address_or_login_opens_the_breaker_and_loses_nothing(
    desk: WebhookDesk, receiver: Receiver, status: int
) -> None:
    endpoint = desk.add(receiver, name="crm")
    desk.queue(endpoint.id, 5)
    receiver.status = status
    desk.run()
    assert switches(desk) == [f"push:webhook:{endpoint.id}"]
    tried = len(receiver.seen)
    assert tried <= 4
    desk.pass_time(60)
    desk.run()
    assert len(receiver.seen) == tried
    receiver.status = 204
    desk.pass_time(400)
    desk.run(2)
    desk.run()
    assert switches(desk) == []
    assert {(state, failures) for state, _, failures in desk.states()} == {("done", 0)}


def test_410_disables_the_endpoint_and_ends_what_waits(
    desk: WebhookDesk, receiver: Receiver
) -> None:
    endpoint = desk.add(receiver, name="crm")
    desk.tell(6)
    receiver.status = 410
    desk.run()
    seen = len(receiver.seen)
    assert seen <= 4
    states = [state for state, *_ in desk.states()]
    assert states.count("dead") == seen
    assert states.count("cancelled") == 6 - seen
    desk.tell()
    desk.run()
    assert len(receiver.seen) == seen
    assert desk.rows("SELECT disabled_reason FROM fanout.webhook_endpoints") == [
        ("it answered 410 Gone",)
    ]
    receiver.status = 204
    enable_endpoint(desk.operator, "crm")
    desk.tell()
    desk.run()
    assert desk.states()[-1] == ("done", 1, 0)
    # What a person disabled meanwhile keeps their reason.
    disable_endpoint(desk.operator, "crm")
    reason = desk.rows("SELECT disabled_reason FROM fanout.webhook_endpoints")
    with psycopg.connect(desk.stage.database.push_dsn) as connection:
        disable_gone(connection, [str(endpoint.id)])
    assert desk.rows("SELECT disabled_reason FROM fanout.webhook_endpoints") == reason


def test_an_outage_opens_the_breaker_of_this_endpoint_only_and_costs_no_attempts(
    desk: WebhookDesk, receiver: Receiver
) -> None:
    with Receiver().serving() as healthy:
        down = desk.add(receiver, "noise")
        up = desk.add(healthy, "noise")
        desk.queue(down.id, 20)
        receiver.status = 503
        desk.run(3)
        assert switches(desk) == [f"push:webhook:{down.id}"]
        assert len(receiver.seen) <= 8
        desk.queue(up.id, 20)
        desk.run()
        assert desk.states(up.id) == [("done", 1, 0)] * 20
        assert {state for state, *_ in desk.states(down.id)} == {"paused"}
        for _ in range(5):
            tries = len(receiver.seen)
            desk.pass_time(301)
            desk.run(2)
            # One delivery is the trial: always another one.
            assert len(receiver.seen) == tries + 1
        assert max(receiver.copies().values()) <= 2
        receiver.status = 204
        desk.pass_time(301)
        desk.run(2)
        desk.run()
        assert switches(desk) == []
        assert {(state, failures) for state, _, failures in desk.states(down.id)} == {("done", 0)}


def test_what_waits_behind_a_breaker_does_not_age(desk: WebhookDesk, receiver: Receiver) -> None:
    endpoint = desk.add(receiver)
    desk.queue(endpoint.id, 5)
    receiver.status = 503
    desk.run(3)
    desk.pass_time(3 * 86_400)
    receiver.status = 204
    desk.run(2)
    desk.run()
    assert {state for state, *_ in desk.states()} == {"done"}


def test_one_message_that_no_try_gets_across_does_not_hold_up_the_others_for_ever(
    desk: WebhookDesk, receiver: Receiver
) -> None:
    endpoint = desk.add(receiver)
    desk.queue(endpoint.id, 1)
    [(poison,)] = desk.rows("SELECT id::text FROM fanout.deliveries WHERE channel = 'webhook'")
    receiver.refused.add(poison)
    for _ in range(60):
        desk.run()
        if len(desk.states()) < 4:
            desk.queue(endpoint.id, 1)
        desk.pass_time(901)
        if {state for state, *_ in desk.states()} == {"dead", "done"}:
            break
    assert [state for state, *_ in desk.states()] == ["dead", "done", "done", "done"]
    assert receiver.copies()[poison] <= 30


def test_a_slow_endpoint_holds_up_no_other(desk: WebhookDesk, receiver: Receiver) -> None:
    desk.patience = 0.05
    with Receiver().serving() as quick:
        slow, fast = desk.add(receiver, "noise"), desk.add(quick, "noise")
        receiver.held.clear()
        desk.queue(slow.id, 200)
        desk.queue(fast.id, 50)

        def go_on() -> bool:
            work(desk.sender, webhook_claims_of(desk.sender))
            return len(quick.seen) == 50

        wait_until(go_on, seconds=60, what="the other endpoint's webhooks")
        assert receiver.waiting == len(receiver.seen) == 4
        assert webhook_outbox_of(desk.sender).under_way >= 4
        receiver.held.set()
        desk.finish()
    assert set(quick.copies().values()) == {1}


def test_control_one_queue_for_all_endpoints_is_held_up(
    desk: WebhookDesk, receiver: Receiver
) -> None:
    """The claim of the other channels, by age only, takes what is for the slow endpoint."""
    slow, fast = desk.add(receiver, "noise"), desk.add(receiver, "noise")
    desk.queue(slow.id, 200)
    desk.queue(fast.id, 50)
    first = desk.rows(
        "SELECT DISTINCT recipient FROM ("
        " SELECT recipient FROM fanout.deliveries WHERE channel = 'webhook' AND state = 'pending'"
        " ORDER BY next_attempt_at, sequence LIMIT 100) AS claimed"
    )
    assert first == [(str(slow.id),)]


def test_four_workers_send_each_webhook_once(desk: WebhookDesk, receiver: Receiver) -> None:
    endpoint = desk.add(receiver, "noise")
    desk.queue(endpoint.id, 80)
    desk.execute("UPDATE fanout.deliveries SET priority = sequence % 4")
    desks = [WebhookDesk(desk.stage, timeout=timedelta(seconds=10 + number)) for number in range(4)]
    failed: list[BaseException] = []

    def run(each: WebhookDesk) -> None:
        try:
            each.run(3)
        except BaseException as error:  # noqa: BLE001 - it is raised below
            failed.append(error)

    threads = [threading.Thread(target=run, args=(each,)) for each in desks]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []
    desk.run()
    assert set(desk.states()) == {("done", 1, 0)}
    assert sorted(receiver.copies().values()) == [1] * 80
    for each in desks:
        client_of(each.sender.webhooks).close()


def test_secrets_are_rotated_without_a_gap(desk: WebhookDesk, receiver: Receiver) -> None:
    first = desk.add(receiver, name="crm")
    keep = timedelta(hours=24)
    second = rotate_secret(desk.operator, settings(), name="crm", keep=keep)
    desk.tell()
    desk.run()
    assert first.secret is not None
    assert second.secret is not None
    assert receiver.seen[0].is_signed_with(first.secret)
    assert receiver.seen[0].is_signed_with(second.secret)
    third = rotate_secret(desk.operator, settings(), name="crm", keep=timedelta(0))
    desk.tell()
    desk.run()
    signed = [receiver.seen[1].is_signed_with(each.secret or "") for each in (first, second, third)]
    assert signed == [False, False, True]


def test_the_claim_of_one_endpoint_does_not_read_the_queue_of_another(
    desk: WebhookDesk, receiver: Receiver
) -> None:
    crowd, alone = desk.add(receiver, "noise"), desk.add(receiver, "noise")
    desk.queue(crowd.id, 3_000)
    desk.queue(alone.id, 1)
    desk.execute("ANALYZE fanout.deliveries")
    plan = desk.rows(
        "EXPLAIN SELECT sequence FROM fanout.deliveries WHERE state IN ('pending', 'waiting',"
        " 'leased') AND next_attempt_at <= now() AND channel = 'webhook' AND recipient = %s"
        " AND priority = 2 ORDER BY next_attempt_at, sequence LIMIT 4",
        str(alone.id),
    )
    assert any("deliveries_of_endpoint_idx" in line for (line,) in plan)
    plan = desk.rows("EXPLAIN " + load("pipeline.steps.webhooks", "endpoints_due").decode())
    assert not any("Seq Scan on deliveries" in line for (line,) in plan)


def test_a_trial_whose_webhook_is_not_sent_any_more_is_given_to_the_next_one(
    desk: WebhookDesk, receiver: Receiver
) -> None:
    endpoint = desk.add(receiver, "noise")
    receiver.status = 401
    desk.queue(endpoint.id, 4)
    desk.run(3)
    assert len(switches(desk)) == 1
    receiver.status, tries = 204, len(receiver.seen)
    # The next one is that with the fewest tries, and its event is gone.
    [(first,)] = desk.rows(
        "SELECT source_id::bigint FROM fanout.deliveries WHERE state = 'paused'"
        " ORDER BY attempts, priority, next_attempt_at LIMIT 1"
    )
    desk.execute("DELETE FROM domain_events WHERE id = %s", first)
    desk.pass_time(3601)
    desk.run(2)
    assert len(receiver.seen) > tries
    assert switches(desk) == []
    assert ("cancelled", "the event was deleted") in desk.reasons()


def test_control_a_trial_that_a_killed_worker_took_costs_a_cool_off(
    desk: WebhookDesk, receiver: Receiver
) -> None:
    endpoint = desk.add(receiver, "noise")
    receiver.status = 401
    desk.queue(endpoint.id, 4)
    desk.run(3)
    receiver.status, tries = 204, len(receiver.seen)
    desk.pass_time(3601)
    assert webhook_claims_of(desk.sender).claim().doors.trial == str(endpoint.id)
    desk.run(2)
    assert len(receiver.seen) == tries
    desk.pass_time(3601)
    desk.run(2)
    assert switches(desk) == []


def test_a_request_is_as_old_as_it_is_however_often_its_lease_is_extended(
    desk: WebhookDesk,
) -> None:
    answered = threading.Event()

    def send(_: Asked) -> ProviderReply:
        assert answered.wait(120)
        return ProviderReply(results=())

    lease = timedelta(seconds=0.3)
    outbox: Outbox[Asked] = Outbox(
        desk.sender.database, table_of_webhooks, send, lease=lease, concurrency=1, name="slow"
    )
    assert list(outbox.make([Asked()], 0)) == []

    def is_old() -> bool:
        assert list(outbox.finish(0)) == []
        [age] = outbox.ages_of("endpoint")
        return age > 3 * lease.total_seconds()

    wait_until(is_old, seconds=60, what="the request is older than three leases")
    answered.set()
    [[tried]] = outbox.finish(60)
    assert tried.provider == "endpoint"


@dataclass(frozen=True)
class Asked:
    """A request for a delivery that nobody has."""

    provider: str = "endpoint"
    leases: tuple[Lease, ...] = (
        Lease(
            sequence=-1, token=UUID(int=1), number=1, failures=0,
            due_at=datetime(2026, 1, 1, tzinfo=UTC), values={},
        ),
    )  # fmt: skip
    trial: bool = False
