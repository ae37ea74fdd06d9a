"""A person gets access to a project and is notified: one transaction for change and event.

DATABASE_URL=postgresql://... python examples/share_project.py PROJECT PERSON GRANTED_BY
"""

import os
import sys
from typing import Any
from uuid import UUID

import psycopg
from psycopg.types.json import Jsonb


def share_project(
    connection: psycopg.Connection[Any], project: UUID, person: UUID, granted_by: UUID
) -> int | None:
    """Give a person access to a project; return the event's id, or None if they had access."""
    with connection.transaction():
        granted = connection.execute(
            """
            INSERT INTO project_access_grants (project_id, org_id, user_id, granted_by)
            SELECT id, owner_org_id, %s, %s FROM projects WHERE id = %s
            ON CONFLICT (project_id, user_id) DO NOTHING
            """,
            [person, granted_by, project],
        )
        if granted.rowcount == 0:
            # Nothing changed, so there is no event.
            return None
        payload = {
            "affected_user_id": str(person),
            "project_id": str(project),
            "new_permission": "view",
        }
        [(event,)] = connection.execute(
            """
            INSERT INTO domain_events (event_type, actor_id, project_id, payload)
            VALUES ('project_access_granted', %s, %s, %s) RETURNING id
            """,
            [granted_by, project, Jsonb(payload)],
        ).fetchall()
    return int(event)


if __name__ == "__main__":
    with psycopg.connect(os.environ["DATABASE_URL"]) as connection:
        sys.stdout.write(f"event {share_project(connection, *map(UUID, sys.argv[1:4]))}\n")
