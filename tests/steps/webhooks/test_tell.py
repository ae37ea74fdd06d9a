"""From an event to the endpoint: what is sent to whom, and what it says."""

from datetime import timedelta
from uuid import UUID

import psycopg
import pytest

from pipeline.ops.webhooks.change import disable_endpoint, enable_endpoint, remove_endpoint
from tests.clients.webhooks.receiver import Receiver
from tests.golden.world import P1, R1, U1
from tests.steps.webhooks.desk import EVERY_TYPE, TYPE, WebhookDesk


def test_an_event_is_told_to_every_endpoint_that_hears_of_its_type(
    desk: WebhookDesk, receiver: Receiver
) -> None:
    with Receiver().serving() as everything, Receiver().serving() as other:
        first = desk.add(receiver)
        second = desk.add(everything, EVERY_TYPE, TYPE)
        desk.add(other, "document_uploaded")
        [event] = desk.tell()
        desk.run()
        assert [len(each.seen) for each in (receiver, everything, other)] == [1, 1, 0]
        assert first.secret is not None
        assert second.secret is not None
        assert receiver.seen[0].is_signed_with(first.secret)
        assert everything.seen[0].is_signed_with(second.secret)
        assert not everything.seen[0].is_signed_with(first.secret)
    assert desk.states() == [("done", 1, 0), ("done", 1, 0)]
    [(id_,)] = desk.rows(
        "SELECT id FROM fanout.deliveries WHERE cause = %s AND recipient = %s",
        f"domain_events:{event}", str(first.id),
    )  # fmt: skip
    assert receiver.seen[0].id == str(id_)


def test_a_body_says_ids_and_no_payload(desk: WebhookDesk, receiver: Receiver) -> None:
    desk.add(receiver, "document_uploaded")
    event = desk.stage.emit(
        "document_uploaded", {"fileName": "canary.pdf"}, project_id=P1, resource_id=R1, actor_id=U1
    )
    desk.stage.deliver(event)
    desk.run()
    [seen] = receiver.seen
    [(at,)] = desk.rows("SELECT created_at FROM domain_events WHERE id = %s", event)
    assert seen.said == {
        "type": "document_uploaded",
        "timestamp": at.isoformat(timespec="microseconds").replace("+00:00", "Z"),
        "data": {
            "event_id": str(event),
            "actor_id": str(U1),
            "project_id": str(P1),
            "resource_id": str(R1),
            "thread_id": None,
            "meeting_id": None,
        },
    }
    assert b"canary" not in seen.body
    # No receiver can read a time that has no end: then it is that of the delivery.
    event = desk.stage.emit("document_uploaded", {}, project_id=P1)
    desk.stage.deliver(event)
    desk.execute("UPDATE domain_events SET created_at = 'infinity' WHERE id = %s", event)
    desk.run()
    [(at,)] = desk.rows("SELECT created_at FROM fanout.deliveries WHERE source_id = %s", str(event))
    timestamp = at.isoformat(timespec="microseconds").replace("+00:00", "Z")
    assert receiver.seen[1].said["timestamp"] == timestamp


def test_the_payload_goes_only_to_an_endpoint_that_may_have_it(
    desk: WebhookDesk, receiver: Receiver
) -> None:
    with Receiver().serving() as thin:
        desk.add(receiver, "document_uploaded", with_payload=True)
        desk.add(thin, "document_uploaded")
        payload = {"fileName": "ü.pdf", "large": 12345678901234567890, "exact": 0.1}
        desk.stage.deliver(desk.stage.emit("document_uploaded", payload, project_id=P1))
        desk.run()
        assert receiver.seen[0].said["data"]["payload"] == payload
        assert "payload" not in thin.seen[0].said["data"]


def test_the_push_role_reads_no_payload_but_through_a_lease_to_such_an_endpoint(
    desk: WebhookDesk, receiver: Receiver
) -> None:
    allowed = desk.add(receiver, with_payload=True)
    desk.add(receiver)
    desk.tell()
    ids = [id_ for (id_,) in desk.rows("SELECT id FROM fanout.deliveries WHERE channel='webhook'")]

    def payloads() -> list[UUID]:
        with psycopg.connect(desk.stage.database.push_dsn) as connection:
            rows = connection.execute("SELECT * FROM fanout.webhook_payloads(%s)", [ids])
            return [id_ for id_, _ in rows]

    assert payloads() == []
    desk.execute(
        "UPDATE fanout.deliveries SET state = 'leased', lease_token = gen_random_uuid()"
        " WHERE channel = 'webhook'"
    )
    [found] = payloads()
    [(recipient,)] = desk.rows("SELECT recipient FROM fanout.deliveries WHERE id = %s", found)
    assert recipient == str(allowed.id)


def test_an_event_without_a_handler_is_told_once_also_when_it_is_processed_again(
    desk: WebhookDesk, receiver: Receiver
) -> None:
    desk.add(receiver, "nobody_knows_this")
    event = desk.stage.emit("nobody_knows_this", {})
    for _ in range(2):
        desk.stage.deliver(event)
        desk.run()
    assert desk.stage.ledger() == {event: "unrouted"}
    assert [each.said["data"]["event_id"] for each in receiver.seen] == [str(event)]


def test_a_redelivered_or_replayed_event_is_told_once(
    desk: WebhookDesk, receiver: Receiver
) -> None:
    desk.add(receiver)
    [event] = desk.tell()
    desk.stage.deliver(event)
    desk.execute("UPDATE notification_processing SET processing_status = 'failed'")
    desk.stage.deliver(event)
    desk.run()
    assert list(receiver.copies().values()) == [1]


def test_control_without_the_id_of_the_cause_a_replayed_event_is_told_twice(
    desk: WebhookDesk, receiver: Receiver
) -> None:
    desk.add(receiver)
    [event] = desk.tell()
    desk.execute("UPDATE fanout.deliveries SET id = gen_random_uuid() WHERE channel = 'webhook'")
    desk.execute("UPDATE notification_processing SET processing_status = 'failed'")
    desk.stage.deliver(event)
    desk.run()
    assert [each.said["data"]["event_id"] for each in receiver.seen] == [str(event)] * 2


def test_what_was_before_the_endpoint_or_is_older_than_a_day_is_not_told(
    desk: WebhookDesk, receiver: Receiver
) -> None:
    before = desk.stage.emit("nobody_knows_this", {})
    desk.add(receiver, "nobody_knows_this")
    desk.execute("UPDATE fanout.webhook_subscriptions SET since = since - interval '2 days'")
    old = desk.stage.emit("nobody_knows_this", {}, age=timedelta(days=1.5))
    desk.execute("UPDATE domain_events SET created_at = created_at - interval '3 days' "
                 "WHERE id = %s", before)  # fmt: skip
    desk.stage.deliver(before, old)
    assert desk.states() == []
    # The control: a younger one is.
    desk.stage.deliver(desk.stage.emit("nobody_knows_this", {}))
    assert len(desk.states()) == 1


def test_without_the_channel_nothing_is_written(desk: WebhookDesk, receiver: Receiver) -> None:
    desk.add(receiver)
    desk.execute("DELETE FROM fanout.channels WHERE channel = 'webhook'")
    # A process that still believes in the channel finds out in the statement.
    desk.tell()
    desk.forget()
    desk.tell()
    assert desk.states() == []


def test_an_endpoint_that_is_disabled_gets_nothing_until_it_is_enabled(
    desk: WebhookDesk, receiver: Receiver
) -> None:
    endpoint = desk.add(receiver, name="crm")
    desk.tell()
    assert disable_endpoint(desk.operator, "crm").changed
    desk.tell()
    desk.run()
    assert receiver.seen == []
    assert desk.reasons() == [("cancelled", "the endpoint is disabled")]
    assert enable_endpoint(desk.operator, "crm").changed
    desk.tell()
    desk.run()
    assert len(receiver.seen) == 1
    assert desk.states(endpoint.id)[-1] == ("done", 1, 0)


def test_what_waits_for_an_endpoint_that_is_removed_is_cancelled(
    desk: WebhookDesk, receiver: Receiver
) -> None:
    endpoint = desk.add(receiver, name="crm")
    desk.tell(3)
    desk.execute(
        "INSERT INTO fanout.switches (name, state, until) VALUES (%s, 'open', now() + '1 hour')",
        f"push:webhook:{endpoint.id}",
    )
    desk.run()
    assert {state for state, *_ in desk.states()} == {"paused"}
    assert remove_endpoint(desk.operator, "crm").changed
    desk.run()
    assert desk.reasons() == [("cancelled", "the endpoint was removed")] * 3
    assert receiver.seen == []
    assert desk.rows("SELECT name FROM fanout.switches") == []
    assert desk.rows("SELECT name FROM fanout.rate_limits WHERE name LIKE 'push:webhook:%'") == []


def test_an_event_that_was_deleted_is_told_to_nobody(desk: WebhookDesk, receiver: Receiver) -> None:
    desk.add(receiver)
    [event] = desk.tell()
    desk.execute("DELETE FROM domain_events WHERE id = %s", event)
    desk.run()
    assert desk.reasons() == [("cancelled", "the event was deleted")]
    assert receiver.seen == []


def test_what_came_too_late_expires(desk: WebhookDesk, receiver: Receiver) -> None:
    desk.add(receiver)
    desk.tell()
    desk.pass_time(25 * 3_600)
    desk.run()
    assert desk.reasons() == [("expired", "it came too late to be of use")]
    assert receiver.seen == []


@pytest.mark.parametrize("kind", ["push:invite_accepted"])
def test_a_type_that_is_paused_waits(desk: WebhookDesk, receiver: Receiver, kind: str) -> None:
    desk.add(receiver)
    desk.tell()
    desk.execute("INSERT INTO fanout.switches (name, state) VALUES (%s, 'paused')", kind)
    desk.run()
    assert desk.states() == [("paused", 0, 0)]
    desk.execute("DELETE FROM fanout.switches")
    desk.run()
    assert desk.states() == [("done", 1, 0)]


def test_the_graph_does_the_same_as_its_steps(desk: WebhookDesk, receiver: Receiver) -> None:
    desk.add(receiver)
    desk.tell(3)
    desk.run_graph()
    assert desk.states() == [("done", 1, 0)] * 3
    assert sorted(receiver.copies().values()) == [1, 1, 1]
