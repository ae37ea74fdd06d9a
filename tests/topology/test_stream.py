"""The stream as a process, with bad rows, bad messages, large ones and early ones."""

import json
import re
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from functools import partial

import psycopg
import pytest

from pipeline.domain.identifiers import EventId
from pipeline.domain.message import Message, message_for
from pipeline.fanout.row import MAX_TEXT_CHARACTERS, MAX_TYPE_CHARACTERS
from tests.deadline import wait_until
from tests.golden.stage import Stage
from tests.golden.world import P1, R1, T1, U1, U2, U3, U4
from tests.streams import ACKNOWLEDGEMENT_SECONDS, Broker, Stream
from tests.topology.uploads import (
    completed,
    insert_poison,
    upload,
    wait_for,
    wait_for_letters,
)

CANARY = "canary-7f3a"
# Payload and time of a row, the class of the error, and a part of its text.
POISON = {
    "a list": (f'["{CANARY}"]', "now", "InvalidEvent", "payload: an object is needed"),
    "wrong types": (
        f'{{"fileName": ["{CANARY}"]}}',
        "now",
        "InvalidEvent",
        "fileName: a string is needed",
    ),
    "a time without end": (f'{{"fileName": "{CANARY}"}}', "infinity", "InvalidEvent", "created_at"),
    "5 MB": (
        f'{{"fileName": ["{CANARY * 450_000}"]}}',
        "now",
        "TooLarge",
        "more than 4096 KB",
    ),
    "deep nesting": (
        f'{{"fileName": {"[" * 40}"{CANARY}"{"]" * 40}}}',
        "now",
        "TooDeep",
        "deeper than 32",
    ),
}


def test_malformed_rows_become_dead_letters_with_a_reason_and_their_neighbours_are_written(
    stage: Stage, events: Broker, stream: Stream
) -> None:
    good = [upload(stage) for _ in POISON]
    bad = [insert_poison(stage, payload, moment) for payload, moment, _, _ in POISON.values()]
    mixed = [event for pair in zip(good, bad, strict=True) for event in pair]
    events.publish(message_for(EventId(event)) for event in mixed)
    with stream:
        wait_for(stage, set(good))
        wait_for_letters(stage, len(POISON))
        assert stream.stop() == 0

    letters = {
        event: row
        for event, *row in stage.rows(
            "SELECT event_id, error_class, message, event_type, data, attributes"
            " FROM event_dead_letters"
        )
    }
    assert letters.keys() == set(bad)
    for event, (_, _, error_class, reason) in zip(bad, POISON.values(), strict=True):
        assert letters[event][0] == error_class
        assert reason in letters[event][1]
        # The row itself shows more.
        assert letters[event][2:] == ["document_uploaded", None, None]
    assert stage.ledger() == dict.fromkeys(good, "completed") | dict.fromkeys(bad, "dead")
    assert {(row.event, row.user) for row in stage.notifications()} == {
        (event, user) for event in good for user in (U2, U4)
    }
    published = events.dead_letters()
    assert sorted(int(letter.attributes["id"]) for letter in published) == sorted(bad)
    assert {letter.data for letter in published} == {b""}
    assert {letter.attributes["dead_letter_stage"] for letter in published} == {"decode"}
    told = f"{stream.log} {letters} {published}"
    assert CANARY not in told, "values of an event leaked"


def test_the_log_says_what_became_of_the_events_and_of_how_many_causes_they_are_dead(
    stage: Stage, events: Broker, stream: Stream
) -> None:
    good, moon = {upload(stage) for _ in range(2)}, stage.emit("moon_rose")
    bad = [insert_poison(stage, "[]", "now") for _ in range(3)]
    bad.append(insert_poison(stage, "{}", "infinity"))
    told = (
        "7 done: 2 completed, 1 unrouted, 4 dead (2 causes: python -m pipeline dead-letters list)"
    )
    events.publish(message_for(EventId(event)) for event in (*good, moon, *bad))
    with stream:
        wait_until(lambda: f"{told}; " in stream.log, seconds=40, what="a line says so")
        assert re.search(r"causes.*\); \d+ a second$", stream.log, re.MULTILINE)
        assert stream.stop() == 0
    assert stream.log.splitlines()[-1].endswith(f"stopped; 7 acknowledged, 0 given back; {told}")


def test_messages_without_a_row_become_dead_letters_and_are_published_without_their_content(
    stage: Stage, events: Broker, stream: Stream
) -> None:
    nameless = Message(CANARY.encode(), {"note": CANARY})
    invented = Message(b"\xff{" + CANARY.encode(), {"id": "987654321", "note": CANARY})
    good = upload(stage)
    events.publish([nameless, invented, *stage.messages(good)])
    with stream:
        wait_for(stage, {good})
        wait_for_letters(stage, 2)
        assert stream.stop() == 0
    letters = stage.rows(
        "SELECT coalesce(event_id, 0), stage, error_class, message, data, attributes"
        " FROM event_dead_letters ORDER BY 1"
    )
    assert [(*row[:4], bytes(row[4]), row[5]) for row in letters] == [
        (
            0,
            "fetch",
            "MissingAttribute",
            "the attribute 'id' is missing",
            nameless.data,
            nameless.attributes,
        ),
        (
            987654321,
            "fetch",
            "UnknownEvent",
            "domain_events has no row with this id",
            invented.data,
            invented.attributes,
        ),
    ]
    assert stage.ledger() == {good: "completed"}
    published = events.dead_letters()
    assert sorted(letter.attributes["dead_letter_error"] for letter in published) == [
        "MissingAttribute",
        "UnknownEvent",
    ]
    assert CANARY not in f"{stream.log} {published}", "the content of a message leaked"


MISMATCH = "match no row of this database by id and time"


def test_wake_ups_of_another_database_are_noticed_and_said_in_a_line(
    stage: Stage, events: Broker, stream: Stream
) -> None:
    ours = {upload(stage) for _ in range(20)}
    gone = {upload(stage) for _ in range(2)}
    right = stage.messages()
    stage.execute("DELETE FROM domain_events WHERE id = ANY(%s)", list(gone))
    theirs = datetime(2020, 1, 2, 3, 4, 5, 678901, tzinfo=UTC)
    # Some ids have a row in both databases, and our rows are processed already.
    wrong = [message_for(EventId(event), theirs) for event in sorted(ours)[:12]]
    wrong += [message_for(EventId(987_654_000 + number), theirs) for number in range(12)]
    with stream:
        # The control: the right database with some deleted rows causes no warning.
        events.publish(right)
        wait_for(stage, ours)
        wait_for_letters(stage, len(gone))
        assert MISMATCH not in stream.log
        events.publish(wrong)
        wait_until(lambda: MISMATCH in stream.log, seconds=20, what="it is said")
        wait_for_letters(stage, len(gone) + 12)
        assert stream.stop() == 0
    (line,) = [line for line in stream.log.splitlines() if MISMATCH in line]
    assert line.endswith("check that DATABASE_URL names the database that Debezium captures")
    assert "2020" not in stream.log
    assert "987654" not in stream.log


def everything_written(stage: Stage) -> str:
    """Return all rows of the tables that the pipeline writes, as text."""
    tables = (
        "notification_processing", "notifications", "pending_emails", "notification_decisions",
        "event_dead_letters",
    )  # fmt: skip
    return "\n".join(
        str(row)
        for table in tables
        for row in stage.rows(f"SELECT each::text FROM {table} AS each")  # noqa: S608
    )


def liar(event: int, *, created_at: str, size: int = 0, **attributes: str) -> Message:
    """A message whose other values all differ from its event's row."""
    body = {
        "id": event + 1,
        "event_type": "chat_message_sent",
        "actor_id": str(U2),
        "project_id": None,
        "thread_id": str(T1),
        "payload": json.dumps(
            {
                "fileName": CANARY,
                "full_content": CANARY + "x" * size,
                "mentioned_user_ids": [str(U3)],
            }
        ),
        "created_at": created_at,
    }
    named = {"id": str(event), "event_type": "chat_message_sent", "created_at": created_at}
    return Message(json.dumps(body).encode(), {**named, **attributes})


def test_a_message_that_lies_leads_to_what_the_row_says_and_to_nothing_else(
    stage: Stage, events: Broker, stream: Stream
) -> None:
    now, long_ago = datetime.now(UTC).isoformat(), "1999-12-31T23:59:59Z"
    honest = stage.emit(
        "document_uploaded", {"fileName": "true.pdf"}, actor_id=U1, project_id=P1, resource_id=R1
    )
    large = upload(stage)
    old = stage.emit("document_uploaded", {}, age=timedelta(days=30), project_id=P1)
    malformed = insert_poison(stage, "[]", "now")
    events.publish(
        [
            liar(honest, created_at=long_ago, dedup_id=str(large)),
            liar(large, created_at=now, size=3_000_000),
            # Neither a false time nor a false replay makes an old event young.
            liar(old, created_at=now, replay="6f1c1b1e-0000-4000-8000-000000000000"),
            liar(malformed, created_at=now),
        ]
    )
    with stream:
        wait_until(lambda: len(stage.ledger()) == 4, seconds=30, what="all four are done")
        assert stream.stop() == 0
    assert stage.rows(
        "SELECT event_id, ledger.event_type, processing_status,"
        " event_created_at = origin.created_at FROM notification_processing AS ledger"
        " JOIN domain_events AS origin ON origin.id = event_id ORDER BY 1"
    ) == [
        (honest, "document_uploaded", "completed", True),
        (large, "document_uploaded", "completed", True),
        (old, "document_uploaded", "expired", True),
        (malformed, "document_uploaded", "dead", True),
    ]
    assert {(row.event, row.user) for row in stage.notifications()} == {
        (event, user) for event in (honest, large) for user in (U2, U4)
    }
    assert {(row.event, row.user) for row in stage.emails()} == {
        (event, user) for event in (honest, large) for user in (U2, U4)
    }
    written = everything_written(stage)
    assert "true.pdf" in written
    assert CANARY not in f"{written} {stream.log}"


def test_an_event_of_an_unknown_type_is_recorded_and_nothing_follows(
    stage: Stage, events: Broker, stream: Stream
) -> None:
    unknown = stage.emit("moon_rose", {"phase": "full"})
    events.publish(stage.messages())
    with stream:
        wait_until(lambda: stage.ledger() == {unknown: "unrouted"}, seconds=20, what="recorded")


def test_a_type_of_any_size_and_form_is_recorded_as_unrouted_and_stops_nothing(
    stage: Stage, events: Broker, stream: Stream
) -> None:
    types = ("moon\nrose\r\nERROR forged", "m" * 2_000, "\N{FULL MOON SYMBOL}" * 500, "")
    strange = {stage.emit(name, {"phase": "full"}): name for name in types}
    neighbours = {upload(stage) for _ in types}
    events.publish(stage.messages())
    with stream:
        wait_until(
            lambda: len(stage.ledger()) == 2 * len(types), seconds=30, what="all are done with"
        )
        later = upload(stage)
        events.publish(stage.messages(later))
        wait_for(stage, {later})
        assert stream.stop() == 0
    assert completed(stage) == neighbours | {later}
    assert dict(
        stage.rows(
            "SELECT event_id, event_type FROM notification_processing"
            " WHERE processing_status = 'unrouted'"
        )
    ) == {event: name[:MAX_TYPE_CHARACTERS] for event, name in strange.items()}
    assert stage.rows("SELECT count(*) FROM event_dead_letters") == [(0,)]
    assert not any(line.startswith("ERROR forged") for line in stream.log.splitlines())


@pytest.mark.parametrize("moment", ["infinity", "-infinity"])
def test_an_event_of_an_unknown_type_and_no_finite_time_stops_nothing(
    stage: Stage, events: Broker, stream: Stream, moment: str
) -> None:
    (row,) = stage.rows(
        "INSERT INTO domain_events (event_type, created_at) VALUES ('moon_rose', %s::timestamptz)"
        " RETURNING id",
        moment,
    )
    neighbour = upload(stage)
    events.publish([message_for(EventId(event)) for event in (row[0], neighbour)])
    with stream:
        wait_until(
            lambda: len(stage.ledger()) == 2 or stream.process.poll() is not None,
            seconds=30,
            what="both are done with, or the stream ends",
        )
        assert stream.process.poll() is None, stream.log
    assert stage.ledger() == {row[0]: "unrouted", neighbour: "completed"}


GIANT_BYTES = 20 * 2**20
# The text of a giant event does not compress well.
INSERT_GIANT = """
    INSERT INTO domain_events (event_type, actor_id, project_id, thread_id, payload)
    SELECT 'chat_message_sent', %s, %s, %s,
           %s::jsonb || jsonb_build_object(%s::text, string_agg(md5(i::text), ''))
    FROM generate_series(1, %s / 32) AS i
    RETURNING id
"""


def insert_giant(stage: Stage, key: str) -> int:
    """Insert a chat message that mentions Bob, with 20 MB under a key of its payload."""
    payload = {"mentioned_user_ids": [str(U2)], "full_content": "Bob?"}
    rows = stage.rows(INSERT_GIANT, U1, P1, T1, json.dumps(payload), key, GIANT_BYTES)
    return int(rows[0][0])


@pytest.mark.parametrize("key", ["attachment", "full_content"], ids=["ignored", "used"])
def test_twenty_megabytes_in_a_payload_complete_and_hold_up_nobody(
    stage: Stage, events: Broker, stream: Stream, key: str
) -> None:
    first = upload(stage)
    giant = insert_giant(stage, key)
    neighbours = {upload(stage) for _ in range(50)}
    with stream:
        events.publish(stage.messages(first))
        wait_for(stage, {first})
        half = len(neighbours) // 2
        around = sorted(neighbours)
        published = datetime.now(UTC)
        events.publish(stage.messages(*around[:half], giant, *around[half:]))
        wait_for(stage, neighbours | {giant})
        assert stream.stop() == 0
    ((slowest,),) = stage.rows(
        "SELECT max(completed_at) FROM notification_processing WHERE event_id = ANY(%s)",
        [*neighbours],
    )
    assert (slowest - published).total_seconds() < 15, stream.log
    ((body,),) = stage.rows(
        "SELECT body FROM notifications WHERE event_id = %s AND kind = 'mention'", giant
    )
    assert len(body) == (MAX_TEXT_CHARACTERS if key == "full_content" else len("Bob?"))
    assert stage.rows("SELECT count(*) FROM event_dead_letters") == [(0,)]
    assert "trying again" not in stream.log


HALF_A_SECOND = 0.5


def test_a_wake_up_that_comes_before_its_row_is_postponed_and_not_redelivered(
    stage: Stage, events: Broker, stream: Stream
) -> None:
    first, neighbour = upload(stage), upload(stage)
    with stream, psycopg.connect(stage.database.dsn) as connection:
        events.publish(stage.messages(first))
        wait_for(stage, {first})
        (late,) = connection.execute(
            "INSERT INTO domain_events (event_type, actor_id, project_id, resource_id)"
            " VALUES ('document_uploaded', %s, %s, %s) RETURNING id",
            [U1, P1, R1],
        ).fetchall()[0]
        published = time.monotonic()
        events.publish([message_for(EventId(late)), *stage.messages(neighbour)])
        wait_for(stage, {neighbour})
        time.sleep(max(0.0, published + HALF_A_SECOND - time.monotonic()))
        connection.commit()
        wait_for(stage, {late})
        # A lease that nobody ends lasts this long: until then there is no redelivery.
        assert time.monotonic() - published < ACKNOWLEDGEMENT_SECONDS
        assert stream.stop() == 0
    assert "stopped; 3 acknowledged, 0 given back" in stream.log
    assert "restarting in" not in stream.log
    assert stage.rows("SELECT count(*) FROM event_dead_letters") == [(0,)]
    assert {row.user for row in stage.notifications() if row.event == late} == {U2, U4}


def test_a_postponed_wake_up_is_not_acknowledged_with_the_bundle_in_which_it_came_too_early(
    stage: Stage, events: Broker, stream: Stream
) -> None:
    neighbour = upload(stage)
    connect = partial(psycopg.connect, stage.database.dsn)
    waits = "SELECT FROM pg_locks WHERE relation = 'notifications'::regclass AND NOT granted"
    with connect() as producer, connect() as lock, connect() as next_lock, stream:
        (late,) = producer.execute(
            "INSERT INTO domain_events (event_type, actor_id, project_id, resource_id)"
            " VALUES ('document_uploaded', %s, %s, %s) RETURNING id",
            [U1, P1, R1],
        ).fetchall()[0]
        lock.execute("LOCK TABLE notifications")
        events.publish([message_for(EventId(late)), *stage.messages(neighbour)])
        wait_until(lambda: stage.rows(waits), seconds=20, what="the neighbour's write waits")
        # The message is retried while the bundle of its first try is held up.
        producer.commit()
        with ThreadPoolExecutor(1) as executor:
            locking = executor.submit(next_lock.execute, "LOCK TABLE notifications")
            wait_until(lambda: len(stage.rows(waits)) == 2, seconds=20, what="the next lock waits")
            time.sleep(HALF_A_SECOND)
            lock.commit()
            locking.result()
        wait_for(stage, {neighbour})
        wait_until(lambda: stage.rows(waits), seconds=20, what="its own write waits")
        stream.kill()
        # Otherwise Postgres would run its last statement once the lock is released.
        stage.rows(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE application_name LIKE 'fanout%%' AND datname = current_database()"
        )
    assert completed(stage) == {neighbour}
    events.emulator.end_leases()
    with stream:
        wait_for(stage, {late})
