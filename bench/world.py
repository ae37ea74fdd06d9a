"""A project with five recipients, and its events: every event has a fan-out of five.

Of five events, four are chat messages that mention all five people. One is an upload, which also
sends them e-mails. On average, an event makes five notifications and one e-mail.
"""

from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID, uuid5

import psycopg
from psycopg.types.json import Jsonb

FAN_OUT: Final = 5
_NAMESPACE: Final = UUID("5b1f0f0e-6a53-4a3c-8f3e-2f6f3d2c9a10")

AUTHOR: Final = uuid5(_NAMESPACE, "author")
RECIPIENTS: Final = tuple(uuid5(_NAMESPACE, f"recipient {n}") for n in range(FAN_OUT))
ORGANISATION: Final = uuid5(_NAMESPACE, "organisation")
PROJECT: Final = uuid5(_NAMESPACE, "project")
DOCUMENT: Final = uuid5(_NAMESPACE, "document")

THREAD: Final = uuid5(_NAMESPACE, "thread")

MENTIONS: Final = {
    "full_content": "The figures of the third quarter are in, please have a look.",
    "mentioned_user_ids": [str(user) for user in RECIPIENTS],
}
_INSERT_EVENTS: Final = """
    INSERT INTO domain_events (event_type, actor_id, project_id, resource_id, thread_id, payload)
    SELECT CASE number %% 5 WHEN 0 THEN 'document_uploaded' ELSE 'chat_message_sent' END,
           %(author)s, %(project)s,
           CASE number %% 5 WHEN 0 THEN %(document)s::uuid END,
           CASE number %% 5 WHEN 0 THEN NULL ELSE %(thread)s::uuid END,
           CASE number %% 5 WHEN 0 THEN '{"fileName": "Quarterly report.pdf"}' ELSE %(mentions)s END
    FROM generate_series(1, %(events)s) AS number
    RETURNING id
"""


@dataclass(frozen=True, slots=True)
class World:
    """A connection of the application's owner, and the statements that an application sends."""

    connection: psycopg.Connection[Any]

    def populate(self) -> None:
        """Insert the project, its document and its people."""
        execute = self.connection.execute
        for number, user in enumerate((AUTHOR, *RECIPIENTS)):
            execute("INSERT INTO auth.users (id) VALUES (%s)", [user])
            execute(
                "INSERT INTO profiles (id, full_name, email, app_role)"
                " VALUES (%s, %s, %s, 'borrower')",
                [user, f"Person {number}", f"person-{number}@bench.example"],
            )
        execute(
            "INSERT INTO orgs (id, name, entity_type) VALUES (%s, 'Bench', 'borrower')",
            [ORGANISATION],
        )
        execute(
            "INSERT INTO projects (id, name, owner_org_id) VALUES (%s, 'Bench', %s)",
            [PROJECT, ORGANISATION],
        )
        execute(
            "INSERT INTO resources (id, org_id, project_id, resource_type, name)"
            " VALUES (%s, %s, %s, 'FILE', 'Quarterly report.pdf')",
            [DOCUMENT, ORGANISATION, PROJECT],
        )
        execute(
            "INSERT INTO chat_threads (id, project_id, topic) VALUES (%s, %s, 'Figures')",
            [THREAD, PROJECT],
        )
        for user in RECIPIENTS:
            execute(
                "INSERT INTO chat_thread_participants (thread_id, user_id) VALUES (%s, %s)",
                [THREAD, user],
            )
            execute(
                "INSERT INTO project_access_grants (project_id, org_id, user_id, granted_by)"
                " VALUES (%s, %s, %s, %s)",
                [PROJECT, ORGANISATION, user, AUTHOR],
            )
            execute(
                "INSERT INTO permissions (resource_id, user_id, permission, granted_by)"
                " VALUES (%s, %s, 'view', %s)",
                [DOCUMENT, user, AUTHOR],
            )

    def insert_events(self, number: int) -> list[int]:
        """Insert that many events in one transaction; return their ids."""
        parameters = {
            "author": AUTHOR,
            "project": PROJECT,
            "document": DOCUMENT,
            "thread": THREAD,
            "mentions": Jsonb(MENTIONS),
            "events": number,
        }
        return [int(row[0]) for row in self.connection.execute(_INSERT_EVENTS, parameters)]

    def done(self, since: int) -> int:
        """Count the events above an id that have a ledger row."""
        row = self.connection.execute(
            "SELECT count(*) FROM notification_processing WHERE event_id > %s", [since]
        ).fetchone()
        return int(row[0]) if row else 0

    def forget(self) -> None:
        """Delete the events and all their results."""
        self.connection.execute(
            "TRUNCATE domain_events, notification_processing, notifications, pending_emails,"
            " notification_decisions, event_dead_letters CASCADE"
        )

    def check(self, events: int) -> None:
        """Check that exactly the expected results of that many events are there."""
        row = self.connection.execute(
            "SELECT (SELECT count(*) FROM notification_processing"
            "        WHERE processing_status = 'completed'),"
            " (SELECT count(*) FROM notifications), (SELECT count(*) FROM pending_emails)"
        ).fetchone()
        if row != (events, events * FAN_OUT, events // 5 * FAN_OUT):
            raise AssertionError(f"{events} events led to {row}")
