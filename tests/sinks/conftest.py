"""A database with people and events, what the sinks wrote into it, and a topic for dead letters."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

import pytest
from google.cloud.pubsub_v1 import SubscriberClient

from local.pubsub import Emulator
from pipeline.clients.postgres.pool import close_pools, get_pool
from pipeline.clients.pubsub.publish import get_publisher
from pipeline.domain.delivery import DeliveryChannel
from pipeline.domain.identifiers import UserId
from pipeline.facts.channels import channels_of
from pipeline.settings import DatabaseSettings
from tests.builders import ANN, BOB, GENERAL, GREETED
from tests.databases import Database
from tests.facts.statements import recording_cursor
from tests.local.pubsub.project import Project

EVENTS: Final = 200
# All columns of a row except its times, in an order that does not depend on its times.
CONTENTS: Final = {
    "notification_processing": "to_jsonb(t) - 'completed_at' - 'created_at'",
    "notifications": "to_jsonb(t) - 'created_at'",
    "pending_emails": "to_jsonb(t) - 'created_at'",
    "notification_decisions": "to_jsonb(t) - 'created_at'",
}


@dataclass(frozen=True, slots=True)
class Written:
    """A database that sinks write to as the pipeline's own role, and queries of its rows."""

    database: Database
    settings: DatabaseSettings

    def rows(self, statement: str, *parameters: object) -> list[tuple[Any, ...]]:
        """Return the rows of a query."""
        with self.database.asking() as connection:
            return connection.execute(statement, parameters or None).fetchall()

    def ledger(self) -> dict[int, str]:
        """Return the state of every event in the ledger."""
        return dict(self.rows("SELECT event_id, processing_status FROM notification_processing"))

    def contents(self) -> dict[str, list[Any]]:
        """Return all rows of the four tables that outcomes are written to."""
        return {
            table: [row for (row,) in self.rows(f"SELECT {row} FROM {table} AS t ORDER BY 1")]  # noqa: S608 - our own names
            for table, row in CONTENTS.items()
        }

    def recording(self) -> list[object]:
        """Record every statement that the sinks execute. Call it before the first of them."""
        statements: list[object] = []
        options = get_pool(self.settings).kwargs
        assert isinstance(options, dict)
        options["cursor_factory"] = recording_cursor(statements)
        # Otherwise the first write also reads which channels are on.
        channels_of(self.settings).is_on(DeliveryChannel.EMAIL)
        statements.clear()
        return statements


@pytest.fixture
def written(database: Database) -> Iterator[Written]:
    """Ann, Bob, a thread and events 1 to 200; nothing is written yet."""
    with database.connect() as connection:
        for user in (ANN, BOB):
            add_person(connection, user)
        connection.execute(
            "INSERT INTO orgs (id, name, entity_type) VALUES (%s, 'Acme', 'borrower')", [GENERAL]
        )
        connection.execute(
            "INSERT INTO projects (id, name, owner_org_id) VALUES (%s, 'Tower', %s)",
            [GENERAL, GENERAL],
        )
        connection.execute(
            "INSERT INTO chat_threads (id, project_id, topic) VALUES (%s, %s, 'general')",
            [GENERAL, GENERAL],
        )
        connection.execute(
            "INSERT INTO domain_events (event_type, payload)"
            " SELECT %s, '{}' FROM generate_series(1, %s)",
            [GREETED, EVENTS],
        )
    yield Written(database, DatabaseSettings(dsn=database.writer_dsn))
    close_pools()


@pytest.fixture
def project(monkeypatch: pytest.MonkeyPatch) -> Iterator[Project]:
    """A topic on an emulator that the process's own publisher talks to."""
    with Emulator() as emulator:
        monkeypatch.setenv("PUBSUB_EMULATOR_HOST", emulator.address)
        get_publisher.cache_clear()
        publisher, subscriber = get_publisher(), SubscriberClient()
        with publisher, subscriber:
            yield Project(publisher, subscriber)
            publisher.stop()
        get_publisher.cache_clear()


def add_person(connection: Any, user: UserId) -> None:  # noqa: ANN401
    """Insert a person with a profile."""
    connection.execute("INSERT INTO auth.users (id) VALUES (%s)", [user])
    connection.execute(
        "INSERT INTO profiles (id, email, app_role) VALUES (%s, %s, 'borrower')",
        [user, f"{user}@x.test"],
    )
