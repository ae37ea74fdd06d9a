"""A forged message notifies nobody of a text that is not in the row."""

import json
from datetime import timedelta
from uuid import UUID

from pipeline.domain.message import Message
from tests.databases import Databases
from tests.golden.stage import Stage
from tests.golden.world import P1, R1, U1, populate

FORGED = "Your account is locked: log in at evil.test"


def upload(stage: Stage, name: str) -> int:
    payload = {"fileName": name}
    return stage.emit("document_uploaded", payload, actor_id=U1, project_id=P1, resource_id=R1)


def texts(stage: Stage) -> set[str]:
    return {row.body or "" for row in stage.notifications()} | {
        str(row.data) for row in stage.emails()
    }


def as_sent_before(event_id: int, event_type: str, name: str, **columns: UUID) -> Message:
    """An earlier release's message, which contained the row."""
    row = {
        "type": event_type,
        "created_at": "2026-01-01T00:00:00.000000Z",
        "payload": json.dumps({"fileName": name, "full_content": name}),
        **{column: str(value) for column, value in columns.items()},
    }
    attributes = {"id": str(event_id), "event_type": event_type, "dedup_id": str(event_id)}
    return Message(json.dumps(row).encode(), attributes)


def test_a_forged_message_tells_what_the_row_says_and_only_once(stage: Stage) -> None:
    event = upload(stage, "Appraisal.pdf")
    forged = as_sent_before(event, "chat_message_sent", FORGED, actor_id=U1, project_id=P1)
    stage.deliver_messages([forged])
    told = texts(stage)
    assert told
    assert all("Appraisal.pdf" in text for text in told)
    stage.deliver_messages([as_sent_before(event, "document_uploaded", FORGED)])
    assert texts(stage) == told


def test_a_forged_message_of_an_event_that_never_was_tells_nobody(stage: Stage) -> None:
    stage.visible_within = timedelta(0)
    forged = as_sent_before(4711, "document_uploaded", FORGED, project_id=P1, resource_id=R1)
    stage.deliver_messages([forged])
    assert texts(stage) == set()


def test_a_message_of_an_earlier_release_is_told_from_the_row(stage: Stage) -> None:
    event = upload(stage, "Appraisal.pdf")
    stage.deliver_messages([as_sent_before(event, "document_uploaded", "Appraisal.pdf")])
    assert stage.ledger() == {event: "completed"}
    assert texts(stage)


def test_messages_of_a_copy_of_the_database_tell_nothing_of_the_copy(
    stage: Stage, databases: Databases
) -> None:
    with databases.migrated() as copied:
        with copied.connect() as connection:
            populate(connection)
        copy = Stage(copied)
        for number in range(3):
            upload(copy, f"{FORGED} {number}")
        foreign = copy.messages()
    own = upload(stage, "Appraisal.pdf")
    stage.visible_within = timedelta(0)
    stage.deliver_messages(foreign)
    assert stage.ledger() == {own: "completed"}, "its id was named, and its row was told"
    assert all("Appraisal.pdf" in text for text in texts(stage))
    assert stage.rows("SELECT count(*) FROM event_dead_letters") == [(2,)]


def test_an_id_that_is_used_again_after_a_restore_tells_what_stands_there_now(
    stage: Stage,
) -> None:
    lost = upload(stage, FORGED)
    message = stage.messages(lost)
    stage.execute("DELETE FROM domain_events WHERE id = %s", lost)
    stage.execute("SELECT setval('domain_events_id_seq', %s, false)", lost)
    again = upload(stage, "Appraisal.pdf")
    assert again == lost
    stage.deliver_messages([*message, *stage.messages(again)])
    assert stage.ledger() == {again: "completed"}
    assert all("Appraisal.pdf" in text for text in texts(stage))
