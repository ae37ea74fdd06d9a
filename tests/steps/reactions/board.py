"""Writes events as an application does, processes what is due, and looks at the rows."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

import apache_beam as beam
from psycopg.types.json import Jsonb

from pipeline.clients.postgres.pool import close_pools
from pipeline.domain.identifiers import EventType
from pipeline.domain.message import ID_ATTRIBUTE, Message
from pipeline.domain.wake_up import WakeUp
from pipeline.reactions.handler import ReactionHandler
from pipeline.reactions.handlers import REACTION_HANDLERS
from pipeline.runtime.runner import local_pipeline
from pipeline.settings import DatabaseSettings
from pipeline.sinks.reaction_results import write_reaction_results
from pipeline.steps.reactions.claim import ReactionClaims
from pipeline.steps.reactions.react import react
from pipeline.steps.reactions.reactor import MOST_TRIES, Reactor
from pipeline.topology.ends import Store
from pipeline.topology.reactions import ReactionsTopology
from tests.databases import Database


@dataclass
class Board:
    database: Database
    handlers: Mapping[EventType, ReactionHandler[Any]] | None = None

    def reactor(self, tries: int = MOST_TRIES) -> Reactor:
        return Reactor(
            database=DatabaseSettings(dsn=self.database.reactions_dsn),
            handlers=self.handlers or REACTION_HANDLERS,
            tries=tries,
        )

    def event(
        self,
        event_type: str,
        payload: object,
        *,
        metadata: object = None,
        processed: bool | None = False,
        created_at: datetime | None = None,
        about: UUID | None = None,
    ) -> UUID:
        event_id = uuid4()
        self.rows(
            "INSERT INTO reactions.events"
            " (id, event_type, payload, metadata, processed, created_at, aggregate_type,"
            " aggregate_id)"
            " VALUES (%s, %s, %s, %s, %s, coalesce(%s, now()), 'order', %s) RETURNING id",
            event_id,
            event_type,
            Jsonb(payload),
            None if metadata is None else Jsonb(metadata),
            processed,
            created_at,
            about,
        )
        return event_id

    def process(self, *ids: UUID, most: int = 500, tries: int = MOST_TRIES) -> int:
        """One claim, and all that comes of it. Return how many events were claimed."""
        reactor = self.reactor(tries)
        leases = ReactionClaims(reactor).claim(ids, most=most)
        write_reaction_results(reactor.database, react(reactor, leases))
        return len(leases)

    def run(self, *ids: UUID, tries: int = MOST_TRIES, closes_unrouted: bool = False) -> None:
        """Run the graph on wake-ups of these events; return when all of it is done."""
        types = {name for (name,) in self.rows("SELECT DISTINCT event_type FROM reactions.events")}
        reactor = self.reactor(tries)
        # Setting up unused branches would take longer than all the rest.
        used = {name: each for name, each in reactor.handlers.items() if name in types}
        reactor = replace(reactor, handlers=used, closes_unrouted=closes_unrouted)
        topology = ReactionsTopology(reactor=reactor, ends=Store(reactor.database))
        pipeline = local_pipeline()
        messages = [Message(b"", {ID_ATTRIBUTE: str(each)}) for each in ids]
        wake_ups = [WakeUp.of(each) for each in messages]
        topology.build(pipeline, beam.Create([wake_ups], reshuffle=False))
        pipeline.run().wait_until_finish()

    def later(self, seconds: float) -> None:
        """Let time pass for everything that waits."""
        self.execute(
            "UPDATE fanout.reactions"
            " SET next_attempt_at = next_attempt_at - make_interval(secs => %s)",
            seconds,
        )

    def state(self, event_id: UUID) -> tuple[Any, ...]:
        [row] = self.rows(
            "SELECT state, attempts, failures FROM fanout.reactions WHERE event_id = %s", event_id
        )
        return row

    def tasks(self) -> list[tuple[Any, ...]]:
        return self.rows(
            "SELECT task_type, user_id, priority FROM reactions.agent_tasks ORDER BY 1, 2"
        )

    def rows(self, statement: str, *values: object) -> list[tuple[Any, ...]]:
        with self.database.asking() as connection:
            return connection.execute(statement, values).fetchall()

    def execute(self, statement: str, *values: object) -> None:
        with self.database.asking() as connection:
            connection.execute(statement, values)

    def close(self) -> None:
        close_pools()


def one(rows: Sequence[tuple[Any, ...]]) -> Any:  # noqa: ANN401 - any column
    [[value]] = rows
    return value
