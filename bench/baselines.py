"""The baselines: raw writes of the same rows, and one event at a time."""

import time
from collections.abc import Sequence
from typing import Any, Final

import orjson
import psycopg

from bench.world import DOCUMENT, ORGANISATION, PROJECT, World

BATCH_SIZE: Final = 500

_RAW: Final = """
    WITH document AS MATERIALIZED (SELECT %(batch)s::jsonb AS batch),
    ledger AS (
        INSERT INTO notification_processing (event_id, processing_status, completed_at)
        SELECT id, 'completed', clock_timestamp()
        FROM document, jsonb_to_recordset(batch -> 'events') AS row (id bigint)
    ),
    notified AS (
        INSERT INTO notifications (user_id, event_id, kind, title, body, link_url, payload)
        SELECT user_id, event_id, kind, title, body, link_url, payload
        FROM document, jsonb_to_recordset(batch -> 'notifications') AS row (
            user_id uuid, event_id bigint, kind text, title text, body text, link_url text,
            payload jsonb)
    )
    INSERT INTO pending_emails (user_id, event_id, event_type, delivery_type, project_id,
                                project_name, subject, body_data)
    SELECT user_id, event_id, event_type, delivery_type, project_id, project_name, subject,
           body_data
    FROM document, jsonb_to_recordset(batch -> 'emails') AS row (
        user_id uuid, event_id bigint, event_type text, delivery_type text, project_id uuid,
        project_name text, subject text, body_data jsonb)
"""


def write_raw(world: World, events: Sequence[int]) -> float:
    """Write the events' resulting rows again, without any other work; return the seconds.

    Uses one connection and one statement for each batch of 500, the fastest way we found. The rows
    are known already: nothing is decided, and no key is looked up before a write.
    """
    documents = [_document(world, events[i : i + BATCH_SIZE]) for i in range(0, len(events), 500)]
    world.connection.execute(
        "TRUNCATE notification_processing, notifications, pending_emails, notification_decisions"
    )
    started = time.perf_counter()
    for document in documents:
        world.connection.execute(_RAW, {"batch": document})
    return time.perf_counter() - started


def _document(world: World, events: Sequence[int]) -> str:
    def rows(table: str, columns: str) -> list[dict[str, Any]]:
        cursor = world.connection.cursor(row_factory=psycopg.rows.dict_row)
        statement = f"SELECT {columns} FROM {table} WHERE event_id = ANY (%s)"  # noqa: S608
        return cursor.execute(statement, [list(events)]).fetchall()

    document = {
        "events": [{"id": event} for event in events],
        "notifications": rows(
            "notifications", "user_id, event_id, kind, title, body, link_url, payload"
        ),
        "emails": rows(
            "pending_emails",
            "user_id, event_id, event_type, delivery_type, project_id, project_name, subject,"
            " body_data",
        ),
    }
    return orjson.dumps(document).decode()


def poll_one_by_one(world: World, events: Sequence[int]) -> float:
    """Do the work of the system we replace, in its style; return the seconds.

    Handles one event after the other, with one statement for each question: claim, names,
    candidates, each person's right to view and preferences, each notification, and the end state.
    Every event is treated as an upload. E-mails (one event in five) are left out, in its favour.
    """
    started = time.perf_counter()
    for event in events:
        _process_one(world.connection.execute, event)
    return time.perf_counter() - started


def _process_one(execute: Any, event: int) -> None:  # noqa: ANN401 - a bound method
    execute(
        "INSERT INTO notification_processing (event_id, processing_status, claimed_at)"
        " VALUES (%s, 'processing', now())",
        [event],
    )
    execute("SELECT * FROM domain_events WHERE id = %s", [event]).fetchone()
    name = execute("SELECT name FROM projects WHERE id = %s", [PROJECT]).fetchone()[0]
    candidates = execute(
        "SELECT user_id FROM project_access_grants WHERE project_id = %s", [PROJECT]
    ).fetchall()
    candidates += execute(
        "SELECT user_id FROM org_members WHERE org_id = %s AND role = 'owner'", [ORGANISATION]
    ).fetchall()
    viewers = [
        user
        for (user,) in candidates
        if execute("SELECT can_view(%s, %s)", [user, DOCUMENT]).fetchone()[0]
    ]
    execute("SELECT user_id FROM notifications WHERE event_id = %s", [event]).fetchall()
    for user in viewers:
        execute("SELECT * FROM user_notification_preferences WHERE user_id = %s", [user]).fetchall()
        execute(
            "INSERT INTO notifications (user_id, event_id, title, body, link_url)"
            " VALUES (%s, %s, %s, %s, %s)",
            [user, event, f"Document uploaded - {name}", "A file", f"/project/{PROJECT}"],
        )
    execute(
        "UPDATE notification_processing SET processing_status = 'completed', completed_at = now()"
        " WHERE event_id = %s",
        [event],
    )
