"""SIGKILL of the pipeline while thousands of events are in flight, and the rows afterwards."""

import random
from pathlib import Path

from pipeline.domain.message import Message
from tests.deadline import wait_until
from tests.golden.stage import Stage
from tests.golden.world import P1, R1, T1, U1, U2, U3, U4
from tests.streams import Broker, Stream
from tests.topology.held_up import wait_until_a_write_is_held_up, writes_held_up

EVENTS = 5_000
UPLOADS = EVENTS // 2


def insert_events(stage: Stage) -> list[Message]:
    """Insert uploads and chat messages of one thread, half each; return their messages."""
    stage.execute(
        "INSERT INTO domain_events (event_type, payload, actor_id, project_id, resource_id)"
        """ SELECT 'document_uploaded', '{"fileName": "a.pdf"}', %s, %s, %s"""
        " FROM generate_series(1, %s)",
        U1, P1, R1, UPLOADS,
    )  # fmt: skip
    stage.execute(
        "INSERT INTO domain_events (event_type, payload, actor_id, project_id, thread_id)"
        " SELECT 'chat_message_sent', '{}', %s, %s, %s FROM generate_series(1, %s)",
        U1, P1, T1, EVENTS - UPLOADS,
    )  # fmt: skip
    return stage.messages()


def done(stage: Stage) -> int:
    return int(stage.rows("SELECT count(*) FROM notification_processing")[0][0])


def wait_until_done(stage: Stage, number: int) -> None:
    wait_until(lambda: done(stage) >= number, seconds=60, what=f"{number} events done")


def test_after_kills_every_event_is_done_exactly_once(
    stage: Stage, events: Broker, tmp_path: Path
) -> None:
    messages = insert_events(stage)
    random.shuffle(messages)
    stream = Stream(events, stage.database.writer_dsn, tmp_path / "log")
    kills = 3
    for number in range(kills):
        mine = messages[number::kills]
        before = done(stage)
        stream.start()
        events.publish(mine[::2])
        wait_until_done(stage, before + len(mine) // 4)
        with writes_held_up(stage):
            events.publish(mine[1::2])
            wait_until_a_write_is_held_up(stage)
            stream.kill()
    events.emulator.end_leases()
    with stream:
        wait_until_done(stage, EVENTS)
        assert stream.stop() == 0

    assert stage.rows(
        "SELECT processing_status, count(*) FROM notification_processing GROUP BY 1"
    ) == [("completed", EVENTS)]
    assert sorted(
        stage.rows(
            "SELECT user_id, kind, count(*), sum((payload ->> 'count')::int) FROM notifications"
            " GROUP BY 1, 2"
        ),
        key=str,
    ) == sorted(
        [
            (U2, "document_uploaded", UPLOADS, None),
            (U4, "document_uploaded", UPLOADS, None),
            (U2, "thread_activity", 1, EVENTS - UPLOADS),
            (U3, "thread_activity", 1, EVENTS - UPLOADS),
        ],
        key=str,
    )
    assert sorted(stage.rows("SELECT user_id, count(*) FROM pending_emails GROUP BY 1")) == sorted(
        [(U2, UPLOADS), (U4, UPLOADS)]
    )
    assert stage.rows("SELECT count(*) FROM event_dead_letters") == [(0,)]


def test_control_a_pipeline_that_acknowledges_early_loses_events(
    stage: Stage, events: Broker, tmp_path: Path
) -> None:
    messages = insert_events(stage)
    stream = Stream(
        events,
        stage.database.writer_dsn,
        tmp_path / "log",
        module="tests.topology.early_acknowledgement",
    )
    stream.start()
    with writes_held_up(stage):
        events.publish(messages[::2])
        wait_until_a_write_is_held_up(stage)
        stream.kill()
    events.publish(messages[1::2])
    events.emulator.end_leases()
    with stream:
        wait_until(events.is_drained, seconds=60, what="nothing is left to read")
        assert stream.stop() == 0
    assert 0 < done(stage) < EVENTS
