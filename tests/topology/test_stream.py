"""The stream as a process: what it does with bad messages, signals and failing neighbours."""

import json
import signal
from pathlib import Path

import psycopg
import pytest

from pipeline.domain.message import Message
from tests.deadline import wait_until
from tests.golden.stage import Stage
from tests.golden.world import P1, R1, T1, U1, U2, U4
from tests.streams import Broker, Stream


@pytest.fixture
def stream(stage: Stage, events: Broker, tmp_path: Path) -> Stream:
    """A stream over the stage, not started yet."""
    return Stream(events, stage.database.writer_dsn, tmp_path / "log")


def upload(stage: Stage) -> int:
    return stage.emit("document_uploaded", {}, actor_id=U1, project_id=P1, resource_id=R1)


def insert_uploads(stage: Stage, number: int) -> None:
    stage.execute(
        "INSERT INTO domain_events (event_type, actor_id, project_id, resource_id)"
        " SELECT 'document_uploaded', %s, %s, %s FROM generate_series(1, %s)",
        U1, P1, R1, number,
    )  # fmt: skip


def completed(stage: Stage) -> set[int]:
    return {event for event, status in stage.ledger().items() if status == "completed"}


def wait_for(stage: Stage, events: set[int]) -> None:
    wait_until(lambda: events <= completed(stage), seconds=30, what=f"{events} are completed")


CREATED = '"created_at": "2026-01-01T00:00:00Z"'
CANARY = "canary-7f3a"
DEEP = "[" * 40 + "]" * 40
POISON = {
    "not JSON": (b"\xff{" + CANARY.encode(), "NotJson", "not JSON"),
    "a list": (b'["' + CANARY.encode() + b'"]', "InvalidEvent", "an object is needed"),
    "wrong types": (
        json.dumps(
            {"created_at": "2026-01-01T00:00:00Z", "payload": json.dumps({"fileName": [CANARY]})}
        ).encode(),
        "InvalidEvent",
        "fileName: Input should be a valid string",
    ),
    "a column of the wrong type": (
        f'{{{CREATED}, "actor_id": "{CANARY}"}}'.encode(),
        "InvalidEvent",
        "actor_id: Input should be a valid UUID",
    ),
    "300 KB": (
        f'{{{CREATED}, "payload": "{CANARY * 30_000}"}}'.encode(),
        "TooLarge",
        "an event may have 256 KB",
    ),
    "NUL in a text": (
        json.dumps(
            {"created_at": "2026-01-01T00:00:00Z", "payload": {"fileName": f"{CANARY}\0"}}
        ).encode(),
        "ForbiddenCharacter",
        "U+0000",
    ),
    "deep nesting": (
        f'{{{CREATED}, "payload": {{"{CANARY}": {DEEP}}}}}'.encode(),
        "TooDeep",
        "deeper than 32",
    ),
}  # fmt: skip


def test_malformed_messages_are_buried_with_a_reason_and_their_neighbours_written(
    stage: Stage, events: Broker, stream: Stream
) -> None:
    good = [upload(stage) for _ in POISON]
    bad = [upload(stage) for _ in POISON]
    mixed = []
    for neighbour, event, (data, _, _) in zip(
        stage.messages(*good), bad, POISON.values(), strict=True
    ):
        attributes = {"id": str(event), "event_type": "document_uploaded"}
        mixed += [neighbour, Message(data, attributes)]
    mixed.append(Message(b"{}", {"event_type": "document_uploaded", "note": CANARY}))
    events.publish(mixed)
    with stream:
        wait_for(stage, set(good))
        wait_until(
            lambda: stage.rows("SELECT count(*) FROM event_dead_letters") == [(len(POISON) + 1,)],
            seconds=20,
            what="all malformed messages are dead letters",
        )
        assert stream.stop() == 0

    letters = {
        key: (error_class, reason, bytes(data))
        for key, error_class, reason, data in stage.rows(
            "SELECT coalesce(event_id, 0), error_class, message, data FROM event_dead_letters"
        )
    }
    for event, (data, error_class, reason) in zip(bad, POISON.values(), strict=True):
        assert letters[event][0] == error_class
        assert reason in letters[event][1]
        assert letters[event][2] == data
    assert letters[0][:2] == ("MissingAttribute", "the attribute 'id' is missing")
    assert stage.ledger() == dict.fromkeys(good, "completed") | dict.fromkeys(bad, "dead")
    assert {(row.event, row.user) for row in stage.notifications()} == {
        (event, user) for event in good for user in (U2, U4)
    }
    published = events.dead_letters()
    assert sorted(letter.data for letter in published) == sorted(
        [data for data, _, _ in POISON.values()] + [b"{}"]
    )
    assert {letter.attributes["dead_letter_stage"] for letter in published} == {"decode"}
    reasons = " ".join(reason for _, reason, _ in letters.values())
    assert CANARY not in stream.log + reasons, "values of an event leaked"


def test_an_event_of_an_unknown_type_is_recorded_and_nothing_follows(
    stage: Stage, events: Broker, stream: Stream
) -> None:
    unknown = stage.emit("moon_rose", {"phase": "full"})
    events.publish(stage.messages())
    with stream:
        wait_until(lambda: stage.ledger() == {unknown: "unrouted"}, seconds=20, what="recorded")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_stop_under_load_writes_what_was_pulled_and_leaves_the_rest(
    stage: Stage, events: Broker, stream: Stream, number: signal.Signals
) -> None:
    total = 5_000
    insert_uploads(stage, total)
    events.publish(stage.messages())
    with stream:
        wait_until(lambda: len(completed(stage)) > 0, seconds=30, what="the first are done")
        assert stream.stop(number) == 0
    assert f"{len(completed(stage))} acknowledged, 0 given back" in stream.log
    assert len(completed(stage)) < total, "stopped too late to prove anything"
    with stream:
        wait_until(lambda: len(completed(stage)) == total, seconds=30, what="the rest is done")


def test_an_idle_stream_stops_at_once(stage: Stage, events: Broker, stream: Stream) -> None:
    with stream:
        event = upload(stage)
        events.publish(stage.messages(event))
        wait_for(stage, {event})
        assert stream.stop() == 0


def test_a_dry_run_shows_what_would_follow_and_leaves_everything_as_it_is(
    stage: Stage, events: Broker, stage_log: Path
) -> None:
    event = upload(stage)
    events.publish(
        [
            *stage.messages(event),
            Message(b"nonsense", {"id": "7", "event_type": "document_uploaded"}),
        ]
    )
    dry = Stream(events, stage.database.writer_dsn, stage_log, "--dry-run")
    with dry:
        wait_until(lambda: dry.output.count("\n") >= 2, seconds=20, what="both are shown")
        assert dry.stop() == 0
    shown = {row["event_id"]: row for row in map(json.loads, dry.output.splitlines())}
    assert (shown[event]["notifications"], shown[event]["emails"]) == (2, 2)
    assert shown[7]["status"] == "dead"
    for table in (
        "notification_processing", "notifications", "pending_emails", "notification_decisions",
        "event_dead_letters",
    ):  # fmt: skip
        assert stage.rows(f"SELECT count(*) FROM {table}") == [(0,)], table  # noqa: S608
    with Stream(events, stage.database.writer_dsn, stage_log.with_name("real")):
        wait_for(stage, {event})


@pytest.fixture
def stage_log(tmp_path: Path) -> Path:
    return tmp_path / "dry"


def test_cut_connections_are_retried_and_cost_no_event(
    stage: Stage, events: Broker, stream: Stream
) -> None:
    total = 5_000
    stage.execute(
        "INSERT INTO domain_events (event_type, actor_id, project_id, thread_id)"
        " SELECT 'chat_message_sent', %s, %s, %s FROM generate_series(1, %s)",
        U1, P1, T1, total,
    )  # fmt: skip
    events.publish(stage.messages())
    cut = 0
    with stream:
        while (reached := len(completed(stage))) < total:
            # At most one cut for each step forwards, or there would be no step.
            if reached >= cut * 100:
                cut += len(
                    stage.rows(
                        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                        " WHERE application_name LIKE 'fanout%%' AND state = 'active'"
                        " AND datname = current_database()"
                    )
                )
            assert stream.process.poll() is None, stream.log
        assert stream.stop() == 0
    assert cut > 0
    assert "trying again" in stream.log
    assert stage.rows("SELECT count(*) FROM event_dead_letters") == [(0,)]
    assert {row.payload["count"] for row in stage.notifications()} == {total}


def test_a_missing_table_stops_the_stream_with_the_mend_and_gives_the_messages_back(
    stage: Stage, events: Broker, stream: Stream
) -> None:
    event = upload(stage)
    stage.execute("ALTER TABLE pending_emails RENAME TO elsewhere")
    events.publish(stage.messages(event))
    with stream:
        assert stream.process.wait(20) == 1
    last = stream.log.splitlines()[-1]
    assert 'relation "public.pending_emails" does not exist' in last
    assert "python -m pipeline migrate" in last
    assert "Traceback" not in stream.log
    stage.execute("ALTER TABLE elsewhere RENAME TO pending_emails")
    with stream:
        wait_for(stage, {event})
    assert stage.rows("SELECT count(*) FROM event_dead_letters") == [(0,)]


def test_a_missing_subscription_is_one_readable_line(events: Broker, stream: Stream) -> None:
    events.subscriber.delete_subscription(subscription="projects/fanout-test/subscriptions/events")
    with stream:
        assert stream.process.wait(20) == 1
    assert stream.log.splitlines()[-1].endswith(
        "projects/fanout-test/subscriptions/events does not exist: create it, or correct its name"
    )
    assert "Traceback" not in stream.log


def test_an_unreachable_database_is_one_readable_line(events: Broker, tmp_path: Path) -> None:
    stream = Stream(events, "postgresql://nobody@127.0.0.1:1/none", tmp_path / "log")
    with stream:
        assert stream.process.wait(20) == 1
    assert stream.log.splitlines()[-1].startswith("pipeline run: Postgres cannot be reached")
    assert "Traceback" not in stream.log


def test_a_stop_is_as_quick_where_pubsub_is_gone(
    stage: Stage, events: Broker, stream: Stream
) -> None:
    total = 5_000
    insert_uploads(stage, total)
    events.publish(stage.messages())
    with stream:
        wait_until(lambda: len(completed(stage)) > 0, seconds=30, what="the first are done")
        events.emulator.stop()
        assert stream.stop() == 0
    assert "Traceback" not in stream.log


def test_a_stop_does_not_wait_for_a_locked_table(
    stage: Stage, events: Broker, stream: Stream
) -> None:
    event = upload(stage)
    with psycopg.connect(stage.database.dsn) as migration:
        migration.execute("LOCK TABLE notifications")
        events.publish(stage.messages(event))
        with stream:
            waits = "SELECT FROM pg_locks WHERE NOT granted"
            wait_until(lambda: stage.rows(waits), seconds=20, what="the write waits")
            assert stream.stop() == 0
    with stream:
        wait_for(stage, {event})
