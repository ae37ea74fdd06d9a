"""The cost of why and status on the server: linear in the rows, even with wrong statistics."""

from collections.abc import Iterator
from typing import Final
from uuid import UUID

import psycopg
import pytest

from pipeline.clients.postgres.sql import load
from tests.databases import Database, Databases
from tests.effort import LIES, effort, lie_to

NUMBER: Final = 2_000
STEPS_PER_ROW: Final = 60
PEOPLE: Final = [UUID(int=1_000 + number) for number in range(NUMBER)]
# One event that 2,000 people were told of on one channel and, because of a preference, not on the
# other. And 2,000 other events that wait, are finished, or are dead.
CROWD: Final = """
    SET session_replication_role = replica;
    INSERT INTO profiles (id, email, app_role)
    SELECT id, id::text, 'borrower' FROM unnest(%(people)s::uuid[]) AS id;
    INSERT INTO projects (id, name, owner_org_id)
    SELECT id, 'Tower', id FROM unnest(%(people)s::uuid[]) AS id;
    INSERT INTO user_notification_preferences
        (id, user_id, scope_type, scope_id, event_type, channel, status)
    SELECT id, id, 'project', id, '*', 'email', 'muted' FROM unnest(%(people)s::uuid[]) AS id;
    INSERT INTO domain_events (event_type) SELECT 'a' FROM generate_series(0, %(number)s);
    INSERT INTO notifications (event_id, user_id, title)
    SELECT 1, id, 'told' FROM unnest(%(people)s::uuid[]) AS id;
    INSERT INTO notification_decisions (event_id, user_id, channel, reason, preference_id)
    SELECT 1, id, 'email', 'muted:project', id FROM unnest(%(people)s::uuid[]) AS id;
    INSERT INTO pending_emails (event_id, user_id, event_type, delivery_type, subject, body_data)
    SELECT number, id, 'a', 'immediate', 'told', '{}'
    FROM unnest(%(people)s::uuid[]) WITH ORDINALITY AS email (id, number);
    INSERT INTO notification_processing
        (event_id, processing_status, event_created_at, completed_at)
    SELECT id, CASE id %% 3 WHEN 0 THEN 'completed' ELSE 'failed' END, created_at, now()
    FROM domain_events WHERE id %% 2 = 0;
    INSERT INTO event_dead_letters
        (letter_key, event_id, stage, error_class, message, fingerprint)
    SELECT 'event:' || id, id, 'decode', 'NotJson', 'not JSON', id::text FROM domain_events;
    RESET session_replication_role;
"""
STATEMENTS: Final = [
    ("why", "event"),
    ("why", "ledger"),
    ("why", "letter"),
    ("why", "received"),
    ("why", "skips"),
    ("events", "page"),
    ("events", "details"),
    ("status", "pipeline"),
    ("status", "other_program"),
    ("doctor", "last_of_ours"),
    ("status", "queues"),
    ("status", "states"),
    ("status", "latency"),
    ("status", "failures"),
]

# A page of events that looks at all of them.
PAGE: Final = {
    "through": NUMBER + 1,
    "rows": 2 * NUMBER,
    **dict.fromkeys(("event_type", "state", "project", "person", "since", "until")),
}


@pytest.fixture(scope="module", params=LIES)
def crowd(request: pytest.FixtureRequest, databases: Databases) -> Iterator[Database]:
    """The crowd, and a planner with wrong statistics."""
    with databases.migrated() as database:
        lie_to(database, request.param)
        with psycopg.connect(
            database.dsn, autocommit=True, cursor_factory=psycopg.ClientCursor
        ) as connection:
            connection.execute(CROWD.encode(), {"people": PEOPLE, "number": NUMBER})
        yield database


@pytest.mark.parametrize(("package", "statement"), STATEMENTS)
def test_a_statement_takes_a_number_of_steps_for_each_row_whatever_the_planner_believes(
    crowd: Database, package: str, statement: str
) -> None:
    with psycopg.connect(crowd.operator_dsn, autocommit=True) as connection:
        text = load(f"pipeline.ops.{package}", statement)
        steps = effort(connection, text, event=1, user=None, after=None, most=None, **PAGE)
    assert steps < STEPS_PER_ROW * NUMBER
