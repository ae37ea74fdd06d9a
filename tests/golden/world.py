"""The world of the golden cases: a project, its people, threads, a document and a meeting."""

from typing import Any, Final
from uuid import UUID, uuid5

import psycopg

_NAMESPACE: Final = UUID("8d4f6c52-3b1e-4b57-9a55-0f6f0f4e2f10")


def _id(name: str) -> UUID:
    return uuid5(_NAMESPACE, name)


U0: Final = UUID(int=0)
U1: Final = _id("U1")
U2: Final = _id("U2")
U3: Final = _id("U3")
U4: Final = _id("U4")
O1: Final = _id("O1")
P1: Final = _id("P1")
R1: Final = _id("R1")
T1: Final = _id("T1")
T2: Final = _id("T2")
T3: Final = _id("T3")
M1: Final = _id("M1")
WORKSPACE: Final = f"/project/workspace/{P1}"

_PEOPLE: Final = {
    U1: ("Ann Actor", "u1@x.test"),
    U2: ("Bob Owner", "u2@x.test"),
    U3: (None, "u3@x.test"),
    U4: ("Dee Granted", "u4@x.test"),
}
_THREADS: Final = {T1: ("General", (U1, U2, U3)), T2: ("#deal", (U1, U2)), T3: (None, (U1, U2))}


def populate(connection: psycopg.Connection[Any]) -> None:
    """Insert the world into a database with the reference schema."""
    execute = connection.execute
    for user, (name, email) in _PEOPLE.items():
        execute("INSERT INTO auth.users (id) VALUES (%s)", [user])
        execute(
            "INSERT INTO profiles (id, full_name, email, app_role) VALUES (%s, %s, %s, 'borrower')",
            [user, name, email],
        )
    execute("INSERT INTO orgs (id, name, entity_type) VALUES (%s, 'Acme', 'borrower')", [O1])
    for user, role in ((U1, "owner"), (U2, "owner"), (U3, "member")):
        execute(
            "INSERT INTO org_members (org_id, user_id, role) VALUES (%s, %s, %s)", [O1, user, role]
        )
    execute("INSERT INTO projects (id, name, owner_org_id) VALUES (%s, 'Tower', %s)", [P1, O1])
    for user in (U3, U4):
        execute(
            "INSERT INTO project_access_grants (project_id, org_id, user_id, granted_by)"
            " VALUES (%s, %s, %s, %s)",
            [P1, O1, user, U1],
        )
    execute(
        "INSERT INTO resources (id, org_id, project_id, resource_type, name)"
        " VALUES (%s, %s, %s, 'FILE', 'a.pdf')",
        [R1, O1, P1],
    )
    execute(
        "INSERT INTO permissions (resource_id, user_id, permission, granted_by)"
        " VALUES (%s, %s, 'view', %s)",
        [R1, U4, U1],
    )
    for thread, (topic, participants) in _THREADS.items():
        execute(
            "INSERT INTO chat_threads (id, project_id, topic) VALUES (%s, %s, %s)",
            [thread, P1, topic],
        )
        for user in participants:
            execute(
                "INSERT INTO chat_thread_participants (thread_id, user_id) VALUES (%s, %s)",
                [thread, user],
            )
    execute(
        "INSERT INTO meetings (id, title, start_time, end_time, duration_minutes, organizer_id,"
        " project_id) VALUES (%s, 'Kick', '2026-03-02T20:00Z', '2026-03-02T21:00Z', 60, %s, %s)",
        [M1, U1, P1],
    )
    for user in (U1, U2, U4):
        execute(
            "INSERT INTO meeting_participants (meeting_id, user_id, is_organizer)"
            " VALUES (%s, %s, %s)",
            [M1, user, user == U1],
        )
