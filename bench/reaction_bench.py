"""A stack with people, events of reactions for them, and a clock that sees each task appear."""

import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final
from uuid import UUID, uuid4

import psycopg
from google.pubsub_v1 import PublisherClient
from google.pubsub_v1.types import PubsubMessage
from psycopg.types.json import Jsonb

from local import topics
from local.stack import Stack

PEOPLE: Final = 2_000
TIMEOUT_SECONDS: Final = 300.0
_AT_ONCE: Final = 1_000
_PEOPLE: Final = """
    WITH person AS (
        INSERT INTO reactions.users (id, verified)
        SELECT gen_random_uuid(), true FROM generate_series(1, %s) RETURNING id
    )
    INSERT INTO reactions.conversations (id, user_id) SELECT gen_random_uuid(), id FROM person
    RETURNING user_id, id
"""
# A notification arrives after the commit of the task, and names its event.
_WATCHED: Final = """
    CREATE FUNCTION reactions.bench_task() RETURNS trigger LANGUAGE plpgsql AS
    $$ BEGIN PERFORM pg_notify('bench_tasks', NEW.event_id::text); RETURN NULL; END $$;
    CREATE TRIGGER bench_task AFTER INSERT ON reactions.agent_tasks
    FOR EACH ROW EXECUTE FUNCTION reactions.bench_task();
    ALTER TABLE reactions.agent_tasks DISABLE TRIGGER bench_task
"""
_INSERT: Final = "INSERT INTO reactions.events (id, event_type, payload) VALUES (%s, %s, %s)"
# A backlog of an earlier measurement is not of the next one.
# What follows from the events is processed after them. To empty tables beside it could deadlock.
_IN_WORK: Final = "SELECT count(*) FROM fanout.reactions WHERE state IN ('pending', 'leased')"
_FORGET: Final = """
    TRUNCATE reactions.events, reactions.agent_tasks, fanout.reactions, fanout.attempts CASCADE
"""


@dataclass
class ReactionBench:
    """A started stack, and a connection of its owner."""

    stack: Stack
    connection: psycopg.Connection[Any]
    publisher: PublisherClient
    folder: Path
    _people: Sequence[tuple[UUID, UUID]] = field(default_factory=list, repr=False)

    def populate(self) -> None:
        """Insert the people, each with a conversation."""
        self._people = self.connection.execute(_PEOPLE, [PEOPLE]).fetchall()
        self.connection.execute(_WATCHED)

    def mixture(self, count: int) -> list[tuple[UUID, str, Jsonb]]:
        """Return events of four types in turn: three lead to a task, one to times of activity."""
        return [self._event(number) for number in range(count)]

    def verified(self) -> tuple[UUID, str, Jsonb]:
        """Return an event that leads to one task."""
        return self._event(0)

    def _event(self, number: int) -> tuple[UUID, str, Jsonb]:
        user, conversation = self._people[number // 4 % len(self._people)]
        person = {"userId": str(user), "conversationId": str(conversation)}
        type_, said = (
            ("user.verified", {}),
            ("user.message.received", {}),
            ("user.inquiry.solution_needed", {"requestDescription": "x" * 200}),
            ("conversation.intent_classified", {"intent": "buy", "confidence": 0.9}),
        )[number % 4]
        return uuid4(), type_, Jsonb(person | said)

    def insert(self, events: Sequence[tuple[UUID, str, Jsonb]]) -> float:
        """Insert events in one transaction; return the time after its commit."""
        with self.connection.transaction():
            self.connection.cursor().executemany(_INSERT, events)
        return time.time()

    def wake(self, events: Sequence[tuple[UUID, str, Jsonb]]) -> None:
        """Publish what change data capture would."""
        messages = [
            PubsubMessage(attributes={"id": str(id_), "dedup_id": str(id_)}) for id_, *_ in events
        ]
        for start in range(0, len(messages), _AT_ONCE):
            self.publisher.publish(
                topic=topics.topic_path(topics.REACTION_EVENTS),
                messages=messages[start : start + _AT_ONCE],
            )

    def wait_until_processed(self, events: Sequence[tuple[UUID, str, Jsonb]]) -> float:
        """Return the time when all are processed."""
        ids = [id_ for id_, *_ in events]
        open_ = (
            "SELECT count(*) FROM reactions.events WHERE id = ANY (%s) AND processed IS NOT TRUE"
        )
        deadline = time.monotonic() + TIMEOUT_SECONDS
        while self.connection.execute(open_, [ids]).fetchone() != (0,):
            if time.monotonic() > deadline:
                raise TimeoutError(f"not within {TIMEOUT_SECONDS:.0f} s: all events are processed")
            time.sleep(0.05)
        return time.time()

    def end_capture(self) -> None:
        """Stop Debezium."""
        if self.stack.debezium is not None:
            self.stack.debezium.stop()

    def forget(self) -> None:
        """Delete all events and what followed, once the graph has nothing left to do."""
        deadline = time.monotonic() + TIMEOUT_SECONDS
        while self.connection.execute(_IN_WORK).fetchone() != (0,):
            if time.monotonic() > deadline:
                raise TimeoutError(f"not within {TIMEOUT_SECONDS:.0f} s: what follows is processed")
            time.sleep(0.05)
        self.connection.execute(_FORGET)

    @contextmanager
    def watching(self) -> Iterator[dict[UUID, float]]:
        """Yield when a task of each event could be seen; it fills up while the block runs."""
        seen: dict[UUID, float] = {}
        ended = threading.Event()
        ready = threading.Event()

        def listen() -> None:
            with psycopg.connect(self.stack.environment()["DATABASE_URL"], autocommit=True) as own:
                own.execute("LISTEN bench_tasks")
                ready.set()
                while not ended.is_set():
                    for each in own.notifies(timeout=0.5, stop_after=1):
                        seen.setdefault(UUID(each.payload), time.time())

        thread = threading.Thread(target=listen, name="listen", daemon=True)
        thread.start()
        ready.wait()
        self.connection.execute("ALTER TABLE reactions.agent_tasks ENABLE TRIGGER bench_task")
        try:
            yield seen
        finally:
            ended.set()
            thread.join()
            self.connection.execute("ALTER TABLE reactions.agent_tasks DISABLE TRIGGER bench_task")


@contextmanager
def reaction_bench(folder: Path) -> Iterator[ReactionBench]:
    """Start everything but the graph; Postgres syncs its log to disk as in production."""
    stack = Stack(folder / "stack")
    try:
        with (
            stack,
            psycopg.connect(stack.environment()["DATABASE_URL"], autocommit=True) as connection,
            topics.clients(stack.environment()["PUBSUB_EMULATOR_HOST"]) as (publisher, _),
        ):
            bench = ReactionBench(stack, connection, publisher, folder)
            bench.populate()
            yield bench
    finally:
        stack.remove()
