"""The end of a stream: by a signal, by a failure of what it needs, and how it goes on."""

import json
import signal
from pathlib import Path

import psycopg
import pytest

from pipeline.domain.identifiers import EventId
from pipeline.domain.message import message_for
from tests.deadline import wait_until
from tests.golden.stage import Stage
from tests.golden.world import P1, T1, U1
from tests.streams import Broker, Stream
from tests.topology.held_up import (
    wait_until_a_write_is_held_up,
    wait_until_it_heard,
    writes_held_up,
)
from tests.topology.uploads import (
    completed,
    insert_poison,
    insert_uploads,
    upload,
    wait_for,
)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_stop_under_load_writes_what_was_pulled_and_leaves_the_rest(
    stage: Stage, events: Broker, stream: Stream, number: signal.Signals
) -> None:
    total = 5_000
    insert_uploads(stage, total)
    first, *others = stage.messages()
    with stream:
        events.publish([first])
        wait_until(lambda: len(completed(stage)) == 1, seconds=30, what="the first is done")
        with writes_held_up(stage):
            events.publish(others)
            wait_until_a_write_is_held_up(stage)
            stream.process.send_signal(number)
            # Else it could go on with the others before the stop. It then gives up both handlers.
            wait_until_it_heard(stream.process.pid)
        assert stream.process.wait(10) == 0
    assert f"{len(completed(stage))} acknowledged, 0 given back" in stream.log
    assert 1 < len(completed(stage)) < total
    with stream:
        wait_until(lambda: len(completed(stage)) == total, seconds=30, what="the rest is done")


def test_an_idle_stream_stops_at_once(stage: Stage, events: Broker, stream: Stream) -> None:
    with stream:
        event = upload(stage)
        events.publish(stage.messages(event))
        wait_for(stage, {event})
        assert stream.stop() == 0


def test_a_stream_says_that_it_lives_before_there_is_any_event(
    stage: Stage, stream: Stream
) -> None:
    with stream:
        wait_until(
            lambda: stage.rows("SELECT graph FROM fanout.graphs") == [("fanout",)],
            seconds=20,
            what="a sign of life",
        )
        assert stream.stop() == 0


def test_a_dry_run_shows_what_would_follow_and_leaves_everything_as_it_is(
    stage: Stage, events: Broker, stage_log: Path
) -> None:
    event = upload(stage)
    malformed = insert_poison(stage, "[]", "now")
    unknown = 987654321
    events.publish([*stage.messages(event, malformed), message_for(EventId(unknown))])
    dry = Stream(events, stage.database.writer_dsn, stage_log, "--dry-run")
    with dry:
        wait_until(lambda: dry.output.count("\n") >= 3, seconds=20, what="all are shown")
        assert dry.stop() == 0
    shown = {row["event_id"]: row for row in map(json.loads, dry.output.splitlines())}
    assert (shown[event]["notifications"], shown[event]["emails"]) == (2, 2)
    assert shown[malformed]["status"] == "dead"
    assert shown[unknown]["status"] == "dead"
    for table in (
        "notification_processing", "notifications", "pending_emails", "notification_decisions",
        "event_dead_letters", "fanout.graphs",
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
            # At most one cut for each step of progress: otherwise there would be no progress.
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


def test_a_missing_table_stops_the_stream_with_the_fix_and_gives_the_messages_back(
    stage: Stage, events: Broker, stream: Stream
) -> None:
    event = upload(stage)
    stage.execute("ALTER TABLE pending_emails RENAME TO elsewhere")
    events.publish(stage.messages(event))
    with stream:
        assert stream.process.wait(20) == 1
    *_, missing, last = stream.log.splitlines()
    assert missing == "  public.pending_emails is missing"
    assert "how to fix each: python -m pipeline doctor" in last
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
