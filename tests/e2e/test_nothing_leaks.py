"""Capture, dead letters and replays publish no content of an event."""

import os
from typing import Any, Final

import pytest
from google.pubsub_v1.types import PubsubMessage, PullRequest

from local import topics
from pipeline.ops.sample import ids
from tests.deadline import wait_until
from tests.e2e.installation import Installation
from tests.programs import Program

pytestmark = pytest.mark.e2e

CANARY: Final = "canary-7f3a"
SECONDS: Final = 60.0
ALL: Final = (topics.EVENTS, topics.DEAD_LETTERS, topics.HEARTBEATS)


def subscribe(installation: Installation, topic: str) -> str:
    """Create a subscription, which gets every message from now on."""
    name = topics.subscription_path(f"spy-on-{topic}")
    address = installation.stack.environment()["PUBSUB_EMULATOR_HOST"]
    with topics.clients(address) as (_, subscriber):
        request = {"name": name, "topic": topics.topic_path(topic), "ack_deadline_seconds": 60}
        subscriber.create_subscription(request=request, timeout=10)
    return name


def read(installation: Installation, subscription: str) -> list[PubsubMessage]:
    """Pull the messages that the subscription has now."""
    address = installation.stack.environment()["PUBSUB_EMULATOR_HOST"]
    with topics.clients(address) as (_, subscriber):
        # The client warns about return_immediately; the method that it calls does not.
        pull: Any = subscriber.transport.pull
        request = PullRequest(subscription=subscription, max_messages=1000, return_immediately=True)
        received = pull(request, timeout=30).received_messages
        if received:
            subscriber.acknowledge(
                subscription=subscription, ack_ids=[each.ack_id for each in received], timeout=30
            )
    return [each.message for each in received]


def insert(installation: Installation, event_type: str, payload: str) -> int:
    row = installation.connection.execute(
        "INSERT INTO domain_events (event_type, project_id, payload) VALUES (%s, %s, %s)"
        " RETURNING id",
        [event_type, ids.project("harbor"), payload],
    ).fetchone()
    assert row is not None
    return int(row[0])


def state(installation: Installation, event: int) -> str | None:
    row = installation.connection.execute(
        "SELECT processing_status FROM notification_processing WHERE event_id = %s", [event]
    ).fetchone()
    return None if row is None else str(row[0])


def replay(installation: Installation) -> None:
    environment = os.environ | installation.stack.environment()
    arguments = ("replay", "--dead-letters", "--apply", "--topic", environment["TOPIC"])
    with Program("pipeline", *arguments, environment=environment) as program:
        done = program.completed(timeout=SECONDS)
    assert done.returncode in (0, 1), done.stderr


def test_no_byte_that_is_published_is_of_an_event(installation: Installation) -> None:
    spies = [subscribe(installation, topic) for topic in ALL]
    told = f'{{"affected_user_id": "{ids.person("priya")}", "project_name": "{CANARY}"}}'
    good = insert(installation, "project_access_granted", told)
    unrouted = insert(installation, f"moon_rose_{CANARY}", f'{{"phase": "{CANARY}"}}')
    bad = insert(installation, "document_uploaded", f'{{"fileName": ["{CANARY}"]}}')
    wanted = {good: "completed", unrouted: "unrouted", bad: "dead"}
    wait_until(
        lambda: {event: state(installation, event) for event in wanted} == wanted,
        seconds=SECONDS,
        what="all three have a final state",
    )
    replay(installation)
    found: list[PubsubMessage] = []

    def all_arrived() -> bool:
        for spy in spies:
            found.extend(read(installation, spy))
        names = [each.attributes for each in found]
        replayed = [each for each in names if "replay" in each]
        letters = [each for each in names if "dead_letter_reason" in each]
        return len(replayed) == 1 and len(letters) >= 2

    wait_until(all_arrived, seconds=SECONDS, what="captured, dead, replayed and dead again")
    captured = {each.attributes["id"]: each for each in found if "dedup_id" in each.attributes}
    assert captured.keys() == {str(good), str(unrouted), str(bad)}
    leaks = [each for each in found if CANARY.encode() in PubsubMessage.serialize(each)]
    assert leaks == []


def test_control_the_canary_would_be_found_in_a_message_that_holds_it() -> None:
    message = PubsubMessage(data=b"{}", attributes={"event_type": f"moon_rose_{CANARY}"})
    assert CANARY.encode() in PubsubMessage.serialize(message)
