"""No content of an event or of a mail is published, logged, or kept in a ledger."""

import os
import signal
from collections.abc import Mapping
from contextlib import ExitStack
from functools import partial
from typing import Any, Final

import psycopg
import pytest
from google.pubsub_v1.types import PubsubMessage, PullRequest

from local import topics
from local.resend import ResendServer
from local.resend.faults import fault
from local.stack import Stack
from pipeline.ops.sample import ids
from pipeline.producer import queue_magic_link
from tests.collector import collector
from tests.deadline import wait_until
from tests.e2e.installation import Installation
from tests.programs import Program

pytestmark = pytest.mark.e2e

CANARY: Final = "canary-7f3a"
MARKER: Final = "marker-5e1d"
QUEUE: Final = "SELECT fanout.queue_notification('magic_link', %s, %s)"
SECONDS: Final = 60.0
ALL: Final = (topics.EVENTS, topics.DEAD_LETTERS, topics.HEARTBEATS)
# These hold what is sent, for the sender alone.
BODIES: Final = ("delivery_bodies", "batch_requests")
LEDGERS: Final = """
    SELECT format('%%I.%%I', schemaname, tablename) FROM pg_tables
    WHERE schemaname = 'fanout' AND tablename <> ALL (%s) OR schemaname = 'public' AND (
        tablename LIKE 'fanout%%' OR tablename LIKE '%%dead_letters'
        OR tablename IN ('notification_processing', 'notification_decisions'))
"""


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


def mail_environment(server: ResendServer, endpoint: str, stack: Stack) -> dict[str, str]:
    variables = stack.environment()
    return {
        **os.environ,
        **variables,
        "DATABASE_URL": variables["SENDER_DATABASE_URL"],
        "EMAIL_FROM": "Acme <mail@acme.test>",
        "RESEND_API_KEY": MARKER,
        "RESEND_BASE_URL": server.base_url,
        "BRAND_NAME": "Acme",
        "BRAND_URL": "https://acme.test",
        "OTEL_EXPORTER_OTLP_ENDPOINT": endpoint,
    }


def status_of(environment: Mapping[str, str]) -> str:
    with Program("pipeline", "status", "--json", environment=environment) as program:
        done = program.completed(timeout=SECONDS)
    return done.stdout + done.stderr


def was_asked(server: ResendServer, times: int) -> bool:
    return len(server.asked) == times


def kept(installation: Installation) -> dict[str, str]:
    """Return the rows of every table of ours, by its name."""
    connection = installation.connection
    return {
        table: str(connection.execute(f"SELECT to_jsonb(t) FROM {table} AS t").fetchall())  # noqa: S608
        for (table,) in connection.execute(LEDGERS, [list(BODIES)]).fetchall()
    }


def leaks_of(written: Mapping[str, str | bytes]) -> list[str]:
    """Return the names of what holds the marker."""
    texts = {
        name: text if isinstance(text, bytes) else text.encode() for name, text in written.items()
    }
    return [name for name, text in texts.items() if MARKER.encode() in text]


def test_nothing_that_is_written_is_of_a_mail(installation: Installation) -> None:
    connection, stack = installation.connection, installation.stack
    spies = [subscribe(installation, topics.DELIVERIES)]
    connection.execute(
        "UPDATE profiles SET email = %s, full_name = %s WHERE id = %s",
        [f"{MARKER}@acme.test", f"{MARKER} Name", ids.person("priya")],
    )
    told = f'{{"affected_user_id": "{ids.person("priya")}", "project_name": "{MARKER}"}}'
    with ResendServer().serving() as server, collector() as traces, ExitStack() as running:
        server.api_keys.add(MARKER)
        server.reserved_is_refused = False
        environment = mail_environment(server, traces.endpoint, stack)
        log = running.enter_context((installation.folder / "mail.log").open("wb"))
        arguments = ("run", "--graph", "mail", "--subscription", environment["MAIL_SUBSCRIPTION"])
        mail = running.enter_context(
            Program("pipeline", *arguments, environment=environment, stdout=log, stderr=log)
        )
        wait_until(
            lambda: connection.execute("SELECT FROM fanout.channels").rowcount == 1,
            seconds=SECONDS,
            what="mail is on",
        )
        # One is refused in words of the provider that quote it, and one fails so. One arrives.
        quoting = f"Invalid `to` field: {MARKER}@acme.test"
        server.fail_next(fault(422, "validation_error", quoting), fault(500, MARKER, quoting))
        for number in (1, 2):
            insert(installation, "project_access_granted", told)
            wait_until(partial(was_asked, server, number), seconds=SECONDS, what="it is asked")
        queue_magic_link(connection, f"{MARKER}@acme.test", f"https://acme.test/{MARKER}")
        wait_until(lambda: len(server.accepted) == 1, seconds=SECONDS, what="the link is sent")
        with pytest.raises(psycopg.Error) as refused:
            connection.execute(QUEUE, [f"{MARKER} at acme", f'{{"link_url": "{MARKER}"}}'])
        settled = "SELECT state FROM fanout.deliveries ORDER BY sequence"
        wait_until(
            lambda: connection.execute(settled).fetchall() == [("dead",), ("waiting",), ("done",)],
            seconds=SECONDS,
            what="all three are settled",
        )
        figures = status_of(os.environ | stack.environment())
        mail.send_signal(signal.SIGTERM)
        assert mail.wait(SECONDS) == 0
        # What it was about did go through all of it.
        assert MARKER in str(server.accepted[0].content)
    found = read(installation, spies[0])
    assert len(found) == 3
    paths = [stack.postgres.log_path, *installation.folder.rglob("*.log")]
    assert {"mail.log", "pipeline.log", "debezium.log"} <= {path.name for path in paths}
    logs = {str(path): path.read_bytes() for path in paths}
    written: dict[str, str | bytes] = {
        **logs,
        **kept(installation),
        "status": figures,
        "traces": b"".join(traces.bodies),
        "deliveries": b"".join(PubsubMessage.serialize(each) for each in found),
        "refusal": str(refused.value),
    }
    assert leaks_of(written) == []


def test_control_a_marker_in_any_of_them_would_be_found(installation: Installation) -> None:
    installation.connection.execute(
        "UPDATE fanout.deliveries SET reason = %s WHERE state = 'waiting'", [f"to {MARKER}"]
    )
    assert leaks_of(kept(installation)) == ["fanout.deliveries"]


def test_control_the_canary_would_be_found_in_a_message_that_holds_it() -> None:
    message = PubsubMessage(data=b"{}", attributes={"event_type": f"moon_rose_{CANARY}"})
    assert CANARY.encode() in PubsubMessage.serialize(message)
