"""An event with very many recipients does not delay other events."""

from pathlib import Path
from uuid import UUID

import pytest

from pipeline.steps.decide import SHORT_PAGE_SIZE
from tests.deadline import wait_until
from tests.golden.stage import Stage
from tests.golden.world import P1, R1, T1, U1
from tests.streams import Broker, Stream

CROWD = 10 * SHORT_PAGE_SIZE


def crowded_message(stage: Stage) -> int:
    """Insert a message in a thread with very many people."""
    people = [UUID(int=0x1_0000 + number) for number in range(CROWD)]
    stage.execute("INSERT INTO auth.users (id) SELECT unnest(%s::uuid[])", people)
    stage.execute(
        "INSERT INTO profiles (id, email, app_role)"
        " SELECT id, id::text, 'borrower' FROM unnest(%s::uuid[]) AS id", people
    )  # fmt: skip
    stage.execute(
        "INSERT INTO chat_thread_participants (thread_id, user_id)"
        " SELECT %s, id FROM unnest(%s::uuid[]) AS id", T1, people
    )  # fmt: skip
    return stage.emit("chat_message_sent", {}, actor_id=U1, project_id=P1, thread_id=T1)


def order_of_completion(stage: Stage, events: Broker, stream: Stream) -> list[str]:
    """Return which was done first: the crowded event, or an upload that came during its work."""
    crowded = crowded_message(stage)
    upload = stage.emit("document_uploaded", {}, actor_id=U1, project_id=P1, resource_id=R1)
    with stream:
        events.publish(stage.messages(crowded))
        wait_until(
            lambda: stage.rows("SELECT FROM notifications WHERE event_id = %s LIMIT 1", crowded),
            seconds=60,
            what="its first page is told",
        )
        events.publish(stage.messages(upload))
        wait_until(
            lambda: stage.ledger() == {crowded: "completed", upload: "completed"},
            seconds=90,
            what="both are completed",
        )
        assert stream.stop() == 0
    told = "SELECT count(*) FROM notifications WHERE event_id = %s AND kind = 'thread_activity'"
    assert stage.rows(told, crowded)[0][0] >= CROWD
    names = {crowded: "crowded", upload: "upload"}
    done = "SELECT event_id FROM notification_processing ORDER BY completed_at"
    return [names[event] for (event,) in stage.rows(done)]


@pytest.mark.timeout(240)
def test_others_are_told_between_its_pages(stage: Stage, events: Broker, tmp_path: Path) -> None:
    stream = Stream(events, stage.database.writer_dsn, tmp_path / "log")
    assert order_of_completion(stage, events, stream) == ["upload", "crowded"]


@pytest.mark.timeout(240)
def test_control_told_at_once_it_keeps_them_waiting(
    stage: Stage, events: Broker, tmp_path: Path
) -> None:
    stream = Stream(
        events,
        stage.database.writer_dsn,
        tmp_path / "log",
        module="tests.topology.all_pages_at_once",
    )
    assert order_of_completion(stage, events, stream) == ["crowded", "upload"]
