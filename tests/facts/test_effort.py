"""The cost of facts grows with the requested and found rows, for any planner statistics."""

from collections.abc import Iterator
from typing import Any, Final
from uuid import UUID

import orjson
import psycopg
import pytest

from pipeline.clients.postgres.sql import load
from tests.databases import Database, Databases
from tests.effort import LIES, effort, lie_to

NUMBER: Final = 2_000
STEPS_PER_ROW: Final = 60
PLACE: Final = UUID(int=1)
# Many people of one organisation. All of them take part in one thread and one meeting, may view one
# document, each by a permission of their own on the document or on a folder above it, and have a
# preference each.
CROWD: Final = """
    SET session_replication_role = replica;
    INSERT INTO profiles (id, email, app_role)
    SELECT id, id::text, 'borrower' FROM unnest(%(people)s::uuid[]) AS id;
    INSERT INTO org_members (org_id, user_id, role)
    SELECT %(place)s, id, 'owner' FROM unnest(%(people)s::uuid[]) AS id;
    INSERT INTO projects (id, name, owner_org_id) VALUES (%(place)s, 'Tower', %(place)s);
    INSERT INTO projects (id, name, owner_org_id)
    SELECT id, 'Tower', %(place)s FROM unnest(%(people)s::uuid[]) AS id;
    INSERT INTO project_access_grants (project_id, org_id, user_id, granted_by)
    SELECT %(place)s, %(place)s, id, id FROM unnest(%(people)s::uuid[]) AS id;
    INSERT INTO resources (id, org_id, project_id, parent_id, resource_type, name)
    SELECT id, %(elsewhere)s, %(place)s, lag(id) OVER (), 'FOLDER', id::text
    FROM unnest(%(people)s::uuid[]) WITH ORDINALITY AS folder (id, number) WHERE number <= 10;
    INSERT INTO permissions (resource_id, user_id, permission, granted_by)
    SELECT resources.id, person.id, 'view', person.id
    FROM resources, unnest(%(people)s::uuid[]) AS person (id);
    INSERT INTO chat_thread_participants (thread_id, user_id)
    SELECT %(place)s, id FROM unnest(%(people)s::uuid[]) AS id;
    INSERT INTO meeting_participants (meeting_id, user_id)
    SELECT %(place)s, id FROM unnest(%(people)s::uuid[]) AS id;
    INSERT INTO user_notification_preferences (user_id, scope_type, event_type, channel, status)
    SELECT id, 'global', '*', 'in_app', 'muted' FROM unnest(%(people)s::uuid[]) AS id;
    INSERT INTO domain_events (id, event_type, project_id, payload)
    SELECT number, 'resume_incomplete_nudge', id, jsonb_build_object(
        'user_id', id, 'resume_type', 'project', 'completion_percent', 1, 'nudge_tier', 1)
    FROM unnest(%(people)s::uuid[]) WITH ORDINALITY AS event (id, number);
    INSERT INTO notifications (event_id, user_id, title, payload)
    SELECT id, (payload ->> 'user_id')::uuid, 'told', payload || jsonb_build_object(
        'type', 'resume_incomplete_nudge', 'project_id', project_id)
    FROM domain_events;
    RESET session_replication_role;
"""
PEOPLE: Final = [UUID(int=1_000 + number) for number in range(NUMBER)]
DOCUMENT: Final = PEOPLE[9]

ASKED: Final[dict[str, list[Any]]] = {
    "thread_participants": [{"event_id": n, "thread_id": PLACE} for n in range(20)],
    "meeting_participants": [{"event_id": n, "meeting_id": PLACE} for n in range(20)],
    "organisation_owners": [{"event_id": n, "organisation_id": PLACE} for n in range(20)],
    "document_viewers": [
        {"event_id": n, "project_id": PLACE, "resource_id": DOCUMENT} for n in range(20)
    ],
    "resume_owners": [
        {"event_id": n, "user_id": user, "project_id": user, "resume_type": "project",
         "nudge_tier": "1"}
        for n, user in enumerate(PEOPLE, start=1)
    ],
    "people": PEOPLE,
    "preferences": PEOPLE,
    "projects": [PLACE],
    "resources": PEOPLE[:10],
    "threads": PEOPLE,
}  # fmt: skip


@pytest.fixture(scope="module", params=LIES)
def crowd(request: pytest.FixtureRequest, databases: Databases) -> Iterator[Database]:
    """The crowd, with wrong planner statistics."""
    with databases.migrated() as database:
        lie_to(database, request.param)
        with psycopg.connect(
            database.dsn, autocommit=True, cursor_factory=psycopg.ClientCursor
        ) as connection:
            names = {"people": PEOPLE, "place": PLACE, "elsewhere": UUID(int=2)}
            connection.execute(CROWD.encode(), names)
        yield database


@pytest.mark.parametrize("statement", ASKED)
def test_facts_take_a_number_of_steps_for_each_row_whatever_the_planner_believes(
    crowd: Database, statement: str
) -> None:
    asked = ASKED[statement]
    parameters = {
        "asked": orjson.dumps(asked).decode(),
        "name": "greeted",
        "expired_before": None,
        "after": None,
        "most": None,
    }
    with psycopg.connect(crowd.writer_dsn, autocommit=True) as connection:
        rows = len(connection.execute(load("pipeline.facts", statement), parameters).fetchall())
        steps = effort(connection, load("pipeline.facts", statement), **parameters)
    assert steps < STEPS_PER_ROW * max(rows, len(asked))


def test_control_a_join_of_two_parts_would_be_noticed(crowd: Database) -> None:
    joined = b"""
        SELECT FROM jsonb_array_elements_text(%(asked)s) AS one (id)
        JOIN jsonb_array_elements_text(%(asked)s) AS other (id) ON one.id || '' <= other.id
    """
    with psycopg.connect(crowd.writer_dsn, autocommit=True) as connection:
        steps = effort(connection, joined, asked=orjson.dumps(PEOPLE).decode())
    assert steps > STEPS_PER_ROW * NUMBER
