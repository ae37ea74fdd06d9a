"""Debezium with the deployed configuration: its settings, its messages, and faults."""

import json
import re
import signal
import socket
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psutil
import psycopg
import pytest
from google.pubsub_v1.types import PubsubMessage

from local import topics
from local.debezium import Debezium
from local.debezium.configuration import MissingVariable, engine_properties, read
from local.errors import StartFailed
from local.pubsub import Emulator
from local.stack import Stack
from pipeline.ops.doctor.check import Severity
from pipeline.ops.doctor.installation import Installation
from pipeline.ops.families import Family
from pipeline.ops.migrate import migrate
from pipeline.settings import CaptureNames, DatabaseSettings
from tests.deadline import wait_until
from tests.ops.examination import look

DEPLOYED = Path(__file__).parents[2] / "debezium" / "application.properties"
ENVIRONMENT = {
    "DATABASE_HOST": "db.internal",
    "DATABASE_NAME": "app",
    "DATABASE_PASSWORD": "secret",
    "PUBSUB_PROJECT_ID": "acme",
}
DEADLINE_SECONDS = 60.0

TIMES = [
    "2026-01-02 03:04:00+00",
    "2026-01-02 03:04:05.120+05:30",
    "2026-01-02 03:04:05.000001+00",
    "1969-07-20 20:17:40.5+00",
    "0001-01-01 00:00:00+00",
    "9999-12-31 23:59:59.999999+00",
]
RFC_3339_UTC = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\.\d{6}Z")

# More than the 256 MB of the JVM.
LARGE_EVENTS = 1_600
LARGE_PAYLOAD = json.dumps({"text": "x" * 200 * 1024})
HUGE_PAYLOAD = json.dumps({"text": "x" * 20 * 1024 * 1024})

# The settings of earlier releases, whose messages contain the row.
OF_WHOLE_ROWS = {
    "table.field.event.payload": "payload",
    "table.expand.json.payload": "false",
    "route.by.field": "event_type",
    "route.topic.regex": ".*",
    "table.fields.additional.placement": "event_type:header:event_type,id:header:dedup_id,"
    "created_at:header:created_at,event_type:envelope:type,actor_id:envelope,created_at:envelope",
}
COLUMN_FILTER = "debezium.source.column.include.list"
WHOLE = "ALTER PUBLICATION fanout_events SET TABLE domain_events, fanout_heartbeat"
NARROW = (
    "ALTER PUBLICATION fanout_events SET TABLE domain_events (id, created_at), fanout_heartbeat,"
    " fanout.deliveries (id, created_at), activity.notifications (id, created_at),"
    " reactions.events (id, created_at)"
)


def test_expressions_take_the_environment_or_their_default() -> None:
    properties = engine_properties(read(DEPLOYED, ENVIRONMENT | {"DATABASE_PORT": "6432"}))

    assert properties["database.hostname"] == "db.internal"
    assert properties["database.port"] == "6432"
    assert properties["database.sslmode"] == "verify-full"
    assert not [value for value in properties.values() if "${" in value]


def test_all_missing_variables_are_named_at_once() -> None:
    with pytest.raises(MissingVariable, match=r"DATABASE_NAME, PUBSUB_PROJECT_ID$"):
        read(DEPLOYED, {"DATABASE_HOST": "db.internal", "DATABASE_PASSWORD": "secret"})


def test_settings_reach_the_engine_under_the_names_it_knows() -> None:
    properties = engine_properties(read(DEPLOYED, ENVIRONMENT))

    assert properties["transforms"] == "outbox,deliveries,activity,reactions,heartbeats"
    assert properties["transforms.outbox.predicate"] == "isEvent"
    assert properties["predicates.isEvent.pattern"] == "fanout[.]public[.]domain_events"
    assert properties["predicates.isDelivery.pattern"] == "fanout[.]fanout[.]deliveries"
    assert properties["predicates.isActivity.pattern"] == "fanout[.]activity[.]notifications"
    assert properties["predicates.isReaction.pattern"] == "fanout[.]reactions.events"
    assert properties["value.converter.schemas.enable"] == "false"
    assert properties["header.converter.class"].endswith("StringConverter")
    assert "sink.pubsub.project.id" not in properties


def test_a_folded_value_is_one_line_again() -> None:
    query = engine_properties(read(DEPLOYED, ENVIRONMENT))["heartbeat.action.query"]

    assert "fanout_heartbeat WHERE beat_at" in query
    assert query.endswith("DEFAULT VALUES")


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("PUBSUB_EMULATOR_HOST", raising=False)
        patch.setenv("HEARTBEAT_INTERVAL_MS", "500")
        stack = Stack(tmp_path_factory.mktemp("stack"))
        with stack:
            yield stack
        stack.remove()


@pytest.fixture
def debezium(stack: Stack) -> Debezium:
    assert stack.debezium is not None
    if not stack.debezium.is_running:
        stack.debezium.start()
    return stack.debezium


def execute(stack: Stack, statement: str, *parameters: object) -> list[tuple[Any, ...]]:
    with psycopg.connect(stack.environment()["DATABASE_URL"], autocommit=True) as connection:
        cursor = connection.execute(statement.encode(), parameters)
        return cursor.fetchall() if cursor.description else []


def insert(stack: Stack, count: int = 1, payload: str | None = None) -> set[str]:
    """Insert events; return their ids in decimal, as in the messages."""
    statement = """
        INSERT INTO domain_events (event_type, payload)
        SELECT 'document_uploaded', %s::jsonb FROM generate_series(1, %s) RETURNING id
    """
    return {str(event_id) for (event_id,) in execute(stack, statement, payload, count)}


def drain(
    stack: Stack,
    until: Callable[[list[PubsubMessage]], bool],
    at_once: int = 1000,
    subscription_id: str = topics.EVENTS_SUBSCRIPTION,
) -> list[PubsubMessage]:
    """Pull and acknowledge until ``until`` accepts the messages."""
    subscription = topics.subscription_path(subscription_id)
    messages: list[PubsubMessage] = []
    deadline = time.monotonic() + DEADLINE_SECONDS
    with topics.clients(stack.environment()["PUBSUB_EMULATOR_HOST"]) as (_, subscriber):
        while not until(messages):
            assert time.monotonic() < deadline, f"only {len(messages)} messages arrived"
            pull = {"subscription": subscription, "max_messages": at_once}
            received = subscriber.pull(request=pull, timeout=DEADLINE_SECONDS).received_messages
            messages += [each.message for each in received]
            ack_ids = [each.ack_id for each in received]
            if ack_ids:
                acknowledge = {"subscription": subscription, "ack_ids": ack_ids}
                subscriber.acknowledge(request=acknowledge)
    return messages


def all_of(ids: set[str]) -> Callable[[list[PubsubMessage]], bool]:
    return lambda messages: ids <= {message.attributes["id"] for message in messages}


@pytest.mark.e2e
def test_messages_that_an_application_writes_into_the_log_itself_are_ignored(
    stack: Stack, debezium: Debezium
) -> None:
    for transactional in (True, False):
        execute(stack, "SELECT pg_logical_emit_message(%s, 'app', 'hello')", transactional)
    ids = insert(stack)

    assert {message.attributes["id"] for message in drain(stack, all_of(ids))} == ids
    assert debezium.is_running


@pytest.mark.e2e
def test_a_message_names_the_row_and_holds_nothing_of_it(stack: Stack, debezium: Debezium) -> None:
    assert debezium.is_running
    (event_id,) = insert(stack, payload='{"secret": "canary-7f3a"}')

    (message,) = drain(stack, all_of({event_id}))

    assert message.data == event_id.encode()
    assert dict(message.attributes) == {
        "id": event_id,
        "dedup_id": event_id,
        "created_at": message.attributes["created_at"],
    }


@pytest.mark.e2e
def test_a_delivery_goes_to_its_own_topic_and_an_event_to_its_own(
    stack: Stack, debezium: Debezium
) -> None:
    assert debezium.is_running
    rows = execute(
        stack,
        """
        INSERT INTO fanout.deliveries (id, cause, channel, recipient, kind)
        SELECT fanout.delivery_id(cause, 'email', 'canary-7f3a'), cause, 'email', 'canary-7f3a', 'k'
        FROM unnest(ARRAY['domain_events:1', 'domain_events:2']) AS cause
        RETURNING id::text, created_at AT TIME ZONE 'UTC'
        """,
    )
    written = {delivery: created_at.replace(tzinfo=UTC) for delivery, created_at in rows}
    events = insert(stack)
    # What happens to a delivery later is not captured: only inserts are.
    execute(stack, "UPDATE fanout.deliveries SET reason = 'x'")

    mails = drain(stack, all_of(set(written)), subscription_id=topics.MAIL_SUBSCRIPTION)

    assert {each.attributes["id"] for each in drain(stack, all_of(events))} == events
    assert {each.attributes["id"]: each.attributes["dedup_id"] for each in mails} == {
        delivery: delivery for delivery in written
    }
    assert len(mails) == len(written)
    for message in mails:
        delivery = message.attributes["id"]
        assert message.data == f'"{delivery}"'.encode()
        assert datetime.fromisoformat(message.attributes["created_at"]) == written[delivery]
        assert set(message.attributes) == {"id", "dedup_id", "created_at"}


@pytest.mark.e2e
def test_a_row_of_activity_goes_to_the_topic_of_deliveries_whatever_is_in_it(
    stack: Stack, debezium: Debezium
) -> None:
    rows = execute(
        stack,
        """
        INSERT INTO activity.notifications (user_id, title, message, payload, created_at)
        SELECT gen_random_uuid(), 'canary-7f3a', repeat('x', 9000), '{"a": "canary-7f3a"}', at
        FROM unnest(ARRAY[now(), now(), '-infinity', 'infinity']::timestamptz[]) AS at
        RETURNING id::text
        """,
    )
    written = {row_id for (row_id,) in rows}
    # What others have to lose is only their own row: capture goes on.
    execute(stack, "ALTER TABLE activity.notifications ALTER created_at DROP NOT NULL")
    [(timeless,)] = execute(
        stack,
        "INSERT INTO activity.notifications (user_id, title, message, created_at)"
        " VALUES (gen_random_uuid(), 'x', 'x', NULL) RETURNING id::text",
    )
    events = insert(stack)
    execute(stack, "UPDATE activity.notifications SET title = 'y'")

    woken = drain(stack, all_of({*written, timeless}), subscription_id=topics.MAIL_SUBSCRIPTION)

    assert {each.attributes["id"] for each in drain(stack, all_of(events))} == events
    assert len(woken) == len(written) + 1
    for message in woken:
        row_id = message.attributes["id"]
        assert message.data == f'"{row_id}"'.encode()
        assert message.attributes["dedup_id"] == row_id
        assert set(message.attributes) <= {"id", "dedup_id", "created_at"}
        assert b"canary" not in PubsubMessage.serialize(message)
    assert debezium.is_running


# Rows as an application may write them: large, without a time, outside of every calendar.
EVENTS_OF_REACTIONS = """
    INSERT INTO {table} (event_type, payload, metadata, created_at)
    SELECT E'user.verified\n', jsonb_build_object('a', repeat('canary-7f3a', 2000)), '{{}}', at
    FROM unnest(ARRAY[now(), NULL, '-infinity', 'infinity', '0044-03-15 BC']::timestamptz[]) AS at
    RETURNING id::text
"""


def name_one_row_each(messages: list[PubsubMessage], written: set[str]) -> None:
    """Assert that the messages hold the ids of these rows, a time, and nothing else of them."""
    assert sorted(each.attributes["id"] for each in messages) == sorted(written)
    for message in messages:
        row_id = message.attributes["id"]
        assert message.data == f'"{row_id}"'.encode()
        assert message.attributes["dedup_id"] == row_id
        assert set(message.attributes) <= {"id", "dedup_id", "created_at"}
        assert b"canary" not in PubsubMessage.serialize(message)


@pytest.mark.e2e
def test_an_event_of_reactions_goes_to_a_topic_of_its_own_whatever_is_in_it(
    stack: Stack, debezium: Debezium
) -> None:
    written = {
        row_id for (row_id,) in execute(stack, EVENTS_OF_REACTIONS.format(table="reactions.events"))
    }
    others = insert(stack)
    # What becomes of an event is not captured: only inserts are.
    execute(stack, "UPDATE reactions.events SET processed = true")

    woken = drain(stack, all_of(written), subscription_id=topics.REACTIONS_SUBSCRIPTION)

    assert {each.attributes["id"] for each in drain(stack, all_of(others))} == others
    name_one_row_each(woken, written)
    assert debezium.is_running


# As an application has it that kept its events before it had reactions.
OWN_EVENTS = """
    DROP TABLE reactions.events CASCADE;
    CREATE TABLE public.events (
        id uuid PRIMARY KEY DEFAULT gen_random_uuid(), event_type text, payload jsonb,
        metadata jsonb, created_at timestamptz
    );
    CREATE VIEW reactions.events AS SELECT * FROM public.events;
    SELECT fanout.capture_reactions();
"""


@pytest.mark.e2e
def test_without_deliveries_events_are_captured_as_before_and_reactions_from_an_own_table(
    stack: Stack, tmp_path: Path
) -> None:
    execute(stack, "CREATE DATABASE without_mail")
    dsn = stack.postgres.dsn("without_mail")
    migrate(dsn, reference_schema=True, also=[Family.REACTIONS])
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute(OWN_EVENTS.encode())
    capturing = Debezium(
        tmp_path,
        database_url=re.sub(r"/app\b", "/without_mail", stack.capture_url()),
        emulator=stack.environment()["PUBSUB_EMULATOR_HOST"],
        project=topics.PROJECT,
        slot="without_mail",
        reactions="public.events",
    )
    capturing.start()
    try:
        with psycopg.connect(dsn, autocommit=True) as connection:
            found = connection.execute(
                "INSERT INTO domain_events (id, event_type) VALUES (777777, 'x')"
                " RETURNING to_regclass('fanout.deliveries')"
            ).fetchone()
            own = connection.execute(EVENTS_OF_REACTIONS.format(table="public.events").encode())
            written = {row_id for (row_id,) in own}
        assert found == (None,)
        drain(stack, all_of({"777777"}))
        woken = drain(stack, all_of(written), subscription_id=topics.REACTIONS_SUBSCRIPTION)
        name_one_row_each(woken, written)
        assert capturing.is_running
    finally:
        capturing.stop()
        execute(stack, "SELECT pg_drop_replication_slot('without_mail')")


@pytest.mark.e2e
def test_reactions_alone_are_captured_and_so_is_the_fan_out_that_comes_while_it_runs(
    stack: Stack, tmp_path: Path
) -> None:
    execute(stack, "CREATE DATABASE of_reactions")
    dsn = stack.postgres.dsn("of_reactions")
    migrate(dsn, family=Family.REACTIONS)
    names = CaptureNames(slot="of_reactions")

    def sees_no_fault() -> bool:
        installation = Installation(database=DatabaseSettings(dsn=dsn), names=names)
        return all(
            look(installation, check).severity is Severity.OK
            for check in ("slot", "publication", "heartbeat")
        )

    capturing = Debezium(
        tmp_path,
        database_url=re.sub(r"/app\b", "/of_reactions", stack.capture_url()),
        emulator=stack.environment()["PUBSUB_EMULATOR_HOST"],
        project=topics.PROJECT,
        slot=names.slot,
    )
    capturing.start()
    try:
        with psycopg.connect(dsn, autocommit=True) as connection:
            found = connection.execute(
                EVENTS_OF_REACTIONS.format(table="reactions.events").encode()
            )
            written = {row_id for (row_id,) in found}
            woken = drain(stack, all_of(written), subscription_id=topics.REACTIONS_SUBSCRIPTION)
            name_one_row_each(woken, written)
            # With nothing but heartbeats, the slot goes on, too.
            wait_until(sees_no_fault, seconds=DEADLINE_SECONDS, what="doctor finds the heartbeat")
            migrate(dsn, reference_schema=True)
            connection.execute("INSERT INTO domain_events (id, event_type) VALUES (888888, 'x')")
            found = connection.execute(
                EVENTS_OF_REACTIONS.format(table="reactions.events").encode()
            )
            written = {row_id for (row_id,) in found}
        drain(stack, all_of({"888888"}))
        woken = drain(stack, all_of(written), subscription_id=topics.REACTIONS_SUBSCRIPTION)
        name_one_row_each(woken, written)
        assert capturing.is_running
    finally:
        capturing.stop()
        execute(stack, "SELECT pg_drop_replication_slot('of_reactions')")


ODD_ROWS = {
    "20 MB": ("document_uploaded", HUGE_PAYLOAD, "now"),
    "a type with line breaks": ("one\ntwo\rthree\N{NEXT LINE}\N{LINE SEPARATOR}", None, "now"),
    "a type that is not valid as the name of a topic": ("../%2e goog#?*", None, "now"),
    "a type of 3,000 characters": ("t" * 3_000, None, "now"),
    "the end of time": ("document_uploaded", None, "infinity"),
    "the beginning of time": ("document_uploaded", None, "-infinity"),
    "before Christ": ("document_uploaded", None, "0044-03-15 12:00:00 BC"),
}


@pytest.mark.e2e
def test_whatever_a_row_holds_it_is_captured_and_stops_nothing(
    stack: Stack, debezium: Debezium
) -> None:
    ids = {
        str(event_id)
        for event_type, payload, created_at in ODD_ROWS.values()
        for (event_id,) in execute(
            stack,
            "INSERT INTO domain_events (event_type, payload, created_at)"
            " VALUES (%s, %s, %s) RETURNING id",
            event_type, payload, created_at,
        )
    } | insert(stack)  # fmt: skip

    messages = drain(stack, all_of(ids))

    assert debezium.is_running
    found = {message.attributes["id"]: message for message in messages}
    assert {event_id: found[event_id].data.decode() for event_id in ids} == {
        event_id: event_id for event_id in ids
    }
    assert max(len(value) for each in messages for value in each.attributes.values()) < 100


@pytest.mark.e2e
def test_the_time_in_the_attributes_is_the_rows_to_the_microsecond(
    stack: Stack, debezium: Debezium
) -> None:
    assert debezium.is_running
    rows = execute(
        stack,
        """
        INSERT INTO domain_events (event_type, created_at)
        SELECT 'document_uploaded', created_at::timestamptz FROM unnest(%s::text[]) AS created_at
        RETURNING id, created_at AT TIME ZONE 'UTC'
        """,
        TIMES,
    )
    written = {str(event_id): created_at.replace(tzinfo=UTC) for event_id, created_at in rows}

    messages = drain(stack, all_of(set(written)))

    sent = {message.attributes["id"]: message.attributes["created_at"] for message in messages}
    assert [text for text in sent.values() if not RFC_3339_UTC.fullmatch(text)] == []
    assert {event_id: datetime.fromisoformat(text) for event_id, text in sent.items()} == written


@pytest.mark.e2e
def test_events_committed_while_it_is_stopped_arrive_later(
    stack: Stack, debezium: Debezium
) -> None:
    debezium.stop()
    ids = insert(stack, 100)

    debezium.start()

    assert len(drain(stack, all_of(ids))) == 100


@pytest.mark.e2e
@pytest.mark.parametrize("lose", [Path.unlink, Path.touch], ids=["no file", "an empty file"])
def test_without_its_position_it_goes_on_from_the_slot(
    stack: Stack, debezium: Debezium, lose: Callable[[Path], None]
) -> None:
    debezium.stop()
    ids = insert(stack, 10)
    position = debezium.log_path.parent / "offsets.dat"
    # A kill while the file is written leaves it empty.
    position.write_bytes(b"")
    lose(position)

    debezium.start()

    drain(stack, all_of(ids))


@pytest.mark.e2e
def test_a_kill_in_the_middle_of_a_backlog_loses_nothing(stack: Stack, debezium: Debezium) -> None:
    debezium.stop()
    ids = insert(stack, 20_000)
    debezium.start()
    early = drain(stack, lambda messages: len(messages) >= 1_000)
    debezium.kill()
    in_flight = len({message.attributes["id"] for message in early})

    debezium.start()
    late = drain(stack, all_of(ids - {message.attributes["id"] for message in early}))

    assert in_flight < len(ids)
    assert {message.attributes["id"] for message in early + late} == ids


def sending_rows(debezium: Debezium, stack: Stack, folder: Path) -> Debezium:
    """Debezium with the settings of earlier releases."""
    prefix = "debezium.transforms.outbox."
    ours = (COLUMN_FILTER, *(f"{prefix}{name}=" for name in OF_WHOLE_ROWS))
    text = re.sub(r"\\\n\s*", "", DEPLOYED.read_text())
    kept = [line for line in text.splitlines() if not line.startswith(ours)]
    earlier = [f"{prefix}{name}={value}" for name, value in OF_WHOLE_ROWS.items()]
    configuration = folder / "application.properties"
    configuration.write_text("\n".join([*kept, *earlier]) + "\n")
    return Debezium(
        debezium.log_path.parent,
        database_url=stack.capture_url(),
        emulator=stack.environment()["PUBSUB_EMULATOR_HOST"],
        project=topics.PROJECT,
        configuration=configuration,
    )


@pytest.mark.e2e
@pytest.mark.timeout(240)
def test_on_the_way_from_rows_to_ids_every_step_is_safe_but_a_publication_narrowed_too_early(
    stack: Stack, debezium: Debezium, tmp_path: Path
) -> None:
    earlier = sending_rows(debezium, stack, tmp_path)
    debezium.stop()
    execute(stack, WHOLE)
    earlier.start()
    (event_id,) = insert(stack, payload='{"fileName": "a.pdf"}')
    (message,) = drain(stack, all_of({event_id}))
    assert json.loads(json.loads(message.data)["payload"]) == {"fileName": "a.pdf"}

    # Too early, so the command refuses it. After the fix, the missing messages are sent.
    execute(stack, NARROW)
    early = insert(stack)
    wait_until(lambda: not earlier.is_running, seconds=DEADLINE_SECONDS, what="it stops")

    execute(stack, WHOLE)
    debezium.start()
    ids = early | insert(stack)
    assert {each.data for each in drain(stack, all_of(ids))} == {each.encode() for each in ids}

    execute(stack, NARROW)
    ids = insert(stack)
    assert {each.data for each in drain(stack, all_of(ids))} == {each.encode() for each in ids}
    assert debezium.is_running


@pytest.mark.e2e
def test_a_backlog_of_large_events_is_no_burden_even_where_whole_rows_are_published(
    stack: Stack, debezium: Debezium
) -> None:
    debezium.stop()
    execute(stack, WHOLE)
    ids = insert(stack, LARGE_EVENTS, LARGE_PAYLOAD)

    debezium.start()

    drain(stack, all_of(ids))
    execute(stack, NARROW)
    assert debezium.is_running


@pytest.mark.e2e
def test_heartbeats_move_the_slot_and_are_not_messages(stack: Stack, debezium: Debezium) -> None:
    assert debezium.is_running
    execute(stack, "INSERT INTO fanout_heartbeat (beat_at) VALUES (now() - interval '2 hours')")
    execute(stack, "CREATE TABLE neighbour AS SELECT generate_series(1, 10000) AS id")
    ((position,),) = execute(stack, "SELECT pg_current_wal_lsn()")

    confirmed = "SELECT confirmed_flush_lsn >= %s FROM pg_replication_slots"
    deadline = time.monotonic() + DEADLINE_SECONDS
    while execute(stack, confirmed, position) != [(True,)]:
        assert time.monotonic() < deadline, "the slot holds back the log"
        time.sleep(0.1)

    (event_id,) = insert(stack)
    (message,) = drain(stack, all_of({event_id}))
    assert message.attributes["id"] == event_id
    old = "SELECT FROM fanout_heartbeat WHERE beat_at < now() - interval '1 hour'"
    assert execute(stack, old) == []


@pytest.mark.e2e
def test_it_goes_on_after_a_crash_of_postgres(stack: Stack, debezium: Debezium) -> None:
    stack.postgres.crash()
    stack.postgres.start()
    ids = insert(stack, 10)

    drain(stack, all_of(ids))

    assert debezium.is_running


@pytest.mark.e2e
def test_it_stops_with_one_line_when_it_cannot_publish_and_nothing_is_lost(
    stack: Stack, debezium: Debezium, tmp_path: Path
) -> None:
    debezium.stop()
    with Emulator() as empty, pytest.MonkeyPatch.context() as patch:
        patch.setenv("EVENTS_TOPIC", "missing")
        patch.setenv("HEARTBEATS_TOPIC", "missing")
        misdirected = Debezium(
            tmp_path,
            database_url=stack.capture_url(),
            emulator=empty.address,
            project=topics.PROJECT,
        )
        misdirected.start()
        ids = insert(stack)
        deadline = time.monotonic() + DEADLINE_SECONDS
        while misdirected.is_running:
            assert time.monotonic() < deadline, "it goes on without publishing"
            time.sleep(0.05)
    assert misdirected.exit_status == 1
    assert misdirected.log_path.read_text().startswith("Debezium stopped: can't publish to ")
    assert misdirected.log_path.read_text().count("\n") == 1

    debezium.start()

    drain(stack, all_of(ids))


@pytest.mark.e2e
def test_an_interrupt_ends_it_in_time_though_pub_sub_never_answers(
    stack: Stack, debezium: Debezium, tmp_path: Path
) -> None:
    """The interrupt is what a dead parent sends, and Pub/Sub may have died with it."""
    debezium.stop()
    with socket.create_server(("127.0.0.1", 0)) as silent:
        stuck = Debezium(
            tmp_path,
            database_url=stack.capture_url(),
            emulator=f"127.0.0.1:{silent.getsockname()[1]}",
            project=topics.PROJECT,
        )
        stuck.start()
        try:
            [process] = [
                each for each in psutil.Process().children() if "local.debezium" in each.cmdline()
            ]
            insert(stack)
            silent.settimeout(DEADLINE_SECONDS)
            with silent.accept()[0]:
                process.send_signal(signal.SIGINT)
                # A request to Pub/Sub is given up after a minute, and tried again for ten.
                wait_until(lambda: not stuck.is_running, seconds=30, what="it ends")
        finally:
            stuck.kill()
    assert "the engine did not close within 10 s" in stuck.log_path.read_text()


@pytest.mark.e2e
def test_a_slot_created_again_stops_it_instead_of_missing_events(
    stack: Stack, debezium: Debezium
) -> None:
    debezium.stop()
    execute(stack, "SELECT pg_drop_replication_slot('fanout_events')")
    insert(stack)
    make = "SELECT pg_create_logical_replication_slot('fanout_events', 'pgoutput')"
    execute(stack, make)

    with pytest.raises(StartFailed, match="no longer available on the server"):
        debezium.start()
