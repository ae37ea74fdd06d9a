"""The stage of the golden cases: inserts events, runs the graph, reads every row."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Final, NamedTuple
from uuid import UUID

import apache_beam as beam
import orjson
from psycopg.types.json import Jsonb

from pipeline.domain.breaker import Breaker
from pipeline.domain.identifiers import EventId, EventType
from pipeline.domain.message import Message, message_for
from pipeline.domain.wake_up import WakeUp
from pipeline.fanout.decide import Policy
from pipeline.fanout.handler import Handler
from pipeline.fanout.handlers import HANDLERS
from pipeline.runtime.runner import local_pipeline
from pipeline.settings import DatabaseSettings
from pipeline.topology.ends import Preview, Store
from pipeline.topology.fanout import Topology
from tests.databases import Database

SIX_MINUTES: Final = timedelta(minutes=6)
COLUMNS: Final = ("actor_id", "project_id", "resource_id", "thread_id", "meeting_id")


class N(NamedTuple):
    """One row of notifications."""

    user: UUID
    event: int
    title: str
    body: str | None
    link: str | None
    payload: dict[str, Any]


class E(NamedTuple):
    """One row of pending_emails."""

    user: UUID
    event: int
    event_type: str
    delivery: str
    project: UUID | None
    project_name: str | None
    subject: str
    data: dict[str, Any]
    status: str = "pending"


class D(NamedTuple):
    """One row of notification_decisions."""

    user: UUID
    event: int
    channel: str
    reason: str


@dataclass
class Stage:
    """One database, and the stream's graph on it.

    Attributes:
        visible_within: how long the graph waits for a row that a test has deleted.
    """

    database: Database
    policy: Policy = field(default_factory=Policy)
    handlers: Mapping[EventType, Handler[Any]] = field(default_factory=lambda: HANDLERS)
    dry_run: bool = False
    visible_within: timedelta = timedelta(seconds=2)
    breaker: Breaker = field(default_factory=Breaker)

    @property
    def settings(self) -> DatabaseSettings:
        """Of the graph: the pipeline's own role."""
        return DatabaseSettings(dsn=self.database.writer_dsn, visible_within=self.visible_within)

    def emit(
        self,
        event_type: str,
        payload: dict[str, Any] | None = None,
        *,
        age: timedelta = SIX_MINUTES,
        **columns: UUID | None,
    ) -> int:
        """Insert an event as an application does; return its id."""
        row = self.rows(
            "INSERT INTO domain_events (event_type, payload, created_at, actor_id, project_id,"
            " resource_id, thread_id, meeting_id)"
            " VALUES (%s, %s, now() - %s, %s, %s, %s, %s, %s) RETURNING id",
            event_type,
            None if payload is None else Jsonb(payload, dumps=orjson.dumps),
            age,
            *(columns.get(name) for name in COLUMNS),
        )
        return int(row[0][0])

    def prefer(
        self,
        user: UUID,
        status: str,
        *,
        name: str = "*",
        channel: str = "in_app",
        project: UUID | None = None,
        thread: UUID | None = None,
    ) -> None:
        """Set a preference for a thread or a project, or for everywhere without either."""
        self.execute(
            "INSERT INTO user_notification_preferences"
            " (user_id, scope_type, scope_id, event_type, channel, status)"
            " VALUES (%s, %s, %s, %s, %s, %s)",
            user,
            "thread" if thread else "project" if project else "global",
            thread or project,
            name,
            channel,
            status,
        )

    def messages(self, *event_ids: int) -> list[Message]:
        """Return the change data capture messages of these events, or of all."""
        rows = self.rows("SELECT id, created_at FROM domain_events ORDER BY id")
        every = {row[0]: message_for(EventId(row[0]), row[1]) for row in rows}
        return [every[event_id] for event_id in event_ids or every]

    def deliver(self, *event_ids: int) -> None:
        """Run the graph over the messages of these events, as the pipeline's own role."""
        self.deliver_messages(self.messages(*event_ids))

    def deliver_messages(self, messages: Iterable[Message]) -> None:
        """Run the graph over messages; return when all are processed."""
        sent = [WakeUp.of(message) for message in messages]
        types = {row[0] for row in self.rows("SELECT DISTINCT event_type FROM domain_events")}
        topology = Topology(
            database=self.settings,
            # Setting up unused branches would take longer than all the rest.
            handlers={name: handler for name, handler in self.handlers.items() if name in types},
            policy=self.policy,
            ends=Preview() if self.dry_run else Store(self.settings, breaker=self.breaker),
        )
        pipeline = local_pipeline()
        topology.build(pipeline, beam.Create([sent], reshuffle=False))
        pipeline.run().wait_until_finish()

    def notifications(self) -> list[N]:
        """Every notification, by event and person."""
        return [
            N(*row)
            for row in self.rows(
                "SELECT user_id, event_id, title, body, link_url, payload FROM notifications"
                " ORDER BY event_id, user_id, id"
            )
        ]

    def emails(self) -> list[E]:
        """Every queued e-mail, by event and person."""
        return [
            E(*row)
            for row in self.rows(
                "SELECT user_id, event_id, event_type, delivery_type, project_id, project_name,"
                " subject, body_data, status FROM pending_emails ORDER BY event_id, user_id"
            )
        ]

    def decisions(self) -> list[D]:
        """Every recorded skip, by event, person and channel."""
        return [
            D(*row)
            for row in self.rows(
                "SELECT user_id, event_id, channel, reason FROM notification_decisions"
                " ORDER BY event_id, user_id, channel"
            )
        ]

    def ledger(self) -> dict[int, str]:
        """The state of every event that has a ledger row."""
        return dict(self.rows("SELECT event_id, processing_status FROM notification_processing"))

    def reasons(self) -> dict[int, str]:
        """Why each completed event had no effects."""
        return dict(
            self.rows(
                "SELECT event_id, reason FROM notification_processing"
                " WHERE processing_status = 'completed' AND reason IS NOT NULL"
            )
        )

    def rows(self, statement: str, *parameters: object) -> list[tuple[Any, ...]]:
        """Return the rows of a query."""
        with self.database.asking() as connection:
            return connection.execute(statement, parameters or None).fetchall()

    def execute(self, statement: str, *parameters: object) -> None:
        """Run a statement that returns no rows."""
        with self.database.asking() as connection:
            connection.execute(statement, parameters or None)
