"""The tables of the system that reactions replace, with Debezium, the graphs and a question."""

import os
import secrets
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Final
from uuid import UUID

import pytest
from google.pubsub_v1.types import Subscription
from psycopg import sql
from psycopg.conninfo import make_conninfo
from psycopg.types.json import Jsonb

from local import topics
from local.debezium import Debezium
from local.pubsub import Emulator
from pipeline.__main__ import main
from pipeline.domain.graph import Graph
from pipeline.ops.families import Family
from pipeline.ops.migrate import migrate
from tests.databases import Database, Databases
from tests.deadline import wait_until
from tests.ops.own_tables import original
from tests.programs import Program
from tests.reactions.asking import AMARA, TALK

pytestmark = pytest.mark.e2e
LOGIN: Final = "test_original"
SLOT: Final = "original"
LISTENER: Final = topics.subscription_path("listener")
NEEDED: Final = {
    "userId": str(AMARA),
    "conversationId": str(TALK),
    "requestDescription": "A lender",
    "urgency": "high",
}


@contextmanager
def the_original(databases: Databases) -> Iterator[tuple[Database, dict[Graph, tuple[str, str]]]]:
    """The original's database beside the fan-out, with its tables in use.

    And two graphs: the login and the subscription of each.
    """
    with databases.migrated() as database:
        migrate(database.dsn, family=Family.REACTIONS)
        password = secrets.token_hex(16)
        with database.connect() as connection:
            original.make(connection)
            connection.execute(
                sql.SQL("CREATE ROLE {} LOGIN PASSWORD {} IN ROLE fanout_reactions").format(
                    sql.Identifier(LOGIN), sql.Literal(password)
                )
            )
        original.adopt(database)
        try:
            login = make_conninfo(database.dsn, user=LOGIN, password=password)
            yield (
                database,
                {
                    Graph.REACTIONS: (login, topics.REACTIONS_SUBSCRIPTION),
                    Graph.JOBS: (database.jobs_dsn, topics.TICKS_SUBSCRIPTION),
                },
            )
        finally:
            with database.connect() as connection:
                connection.execute(
                    "SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots"
                    " WHERE slot_name = %s",
                    [SLOT],
                )
                connection.execute(sql.SQL("DROP ROLE {}").format(sql.Identifier(LOGIN)))


def heard(emulator: Emulator) -> set[str]:
    """The ids in the next messages of Debezium."""
    with topics.clients(emulator.address) as (_, subscriber):
        pull = {"subscription": LISTENER, "max_messages": 100}
        received = subscriber.pull(request=pull, timeout=90).received_messages
    return {each.message.attributes["id"] for each in received}


def test_an_event_in_its_table_becomes_a_task_in_its_table_that_is_handed_out(
    databases: Databases,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    with ExitStack() as parts:
        database, graphs = parts.enter_context(the_original(databases))
        emulator = parts.enter_context(Emulator())
        topics.create(emulator.address)
        with topics.clients(emulator.address) as (_, subscriber):
            topic = topics.topic_path(topics.REACTION_EVENTS)
            subscriber.create_subscription(request=Subscription(name=LISTENER, topic=topic))
        environment = os.environ | {
            "PUBSUB_EMULATOR_HOST": emulator.address,
            "PUBSUB_PROJECT_ID": topics.PROJECT,
        }
        logs = []
        for graph, (dsn, subscription) in graphs.items():
            logs.append(tmp_path / f"{graph}.log")
            log = parts.enter_context(logs[-1].open("w"))
            run = Program(
                *("pipeline", "run", "--graph", graph),
                *("--subscription", topics.subscription_path(subscription)),
                *("--dead-letter-topic", topics.topic_path(topics.DEAD_LETTERS)),
                environment=environment | {"DATABASE_URL": dsn},
                stdout=log,
                stderr=log,
            )
            parts.enter_context(run)
        parts.enter_context(
            Debezium(
                tmp_path / "debezium",
                database_url=database.cdc_dsn,
                emulator=emulator.address,
                project=topics.PROJECT,
                slot=SLOT,
                reactions="public.events",
            )
        )
        for path in logs:
            wait_until(lambda: " reading " in path.read_text(), seconds=60, what=f"{path} reads")  # noqa: B023 - called at once
        event = insert(database)
        wait_until(
            lambda: str(event) in heard(emulator), seconds=60, what="Debezium tells of the event"
        )
        task = wait_for_its_task(database, event)
        wait_until(lambda: is_handed_out(database, task), seconds=60, what="the task is handed out")
        monkeypatch.setenv("DATABASE_URL", database.operator_dsn)
        assert main(["why", "--event", str(event)]) == 0
    said = " ".join(capsys.readouterr().out.split())
    assert "state done" in said
    assert "research_solution for solution_saga" in said
    assert "priority high, processing" in said


def insert(database: Database) -> UUID:
    """Write an event as the application does."""
    with database.asking() as connection:
        [(event,)] = connection.execute(
            "INSERT INTO public.events (event_type, aggregate_type, aggregate_id, payload)"
            " VALUES ('user.inquiry.solution_needed', 'user', %s, %s) RETURNING id",
            [AMARA, Jsonb(NEEDED)],
        ).fetchall()
    return UUID(str(event))


def wait_for_its_task(database: Database, event: UUID) -> UUID:
    def found() -> list[tuple[UUID, str]]:
        with database.asking() as connection:
            return connection.execute(
                "SELECT id, priority FROM public.agent_tasks WHERE event_id = %s", [event]
            ).fetchall()

    wait_until(lambda: bool(found()), seconds=60, what="the task is there")
    [(task, priority)] = found()
    assert priority == "high"
    return task


def is_handed_out(database: Database, task: UUID) -> bool:
    with database.asking() as connection:
        rows = connection.execute(
            "SELECT payload ->> 'priority', status FROM public.events"
            " JOIN public.agent_tasks AS task ON task.id = aggregate_id"
            " WHERE event_type = 'agent.task_ready' AND aggregate_id = %s",
            [task],
        ).fetchall()
    return rows == [("1", "processing")]
