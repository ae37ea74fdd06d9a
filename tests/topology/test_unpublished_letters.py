"""A dead letter reaches its topic even if its process dies before it has published it."""

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from pipeline.clients.postgres.pool import close_pools
from pipeline.clients.pubsub.publish import get_publisher
from pipeline.domain.graph import Graph
from pipeline.settings import DatabaseSettings
from pipeline.sinks.unpublished_letters import publishing
from tests.databases import Database
from tests.deadline import wait_until
from tests.golden.stage import Stage
from tests.programs import Program
from tests.steps.runs import JOB, NOON, Ledger
from tests.streams import DEAD_LETTER_TOPIC, Broker
from tests.topology.dead_run import run_graph
from tests.topology.uploads import insert_poison

A_MINUTE_LATER = (
    "UPDATE fanout.unpublished_letters SET due_at = due_at - interval '1 minute' RETURNING 1"
)
NOTED = "SELECT letter_key, topic FROM fanout.unpublished_letters ORDER BY 1"


@contextmanager
def nobody_listens() -> Iterator[str]:
    """An address that refuses every connection."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield f"127.0.0.1:{taken.getsockname()[1]}"


def kill_before_it_publishes(kept: Stage | Ledger, dsn: str, module: str, *flags: str) -> list[str]:
    """Kill a program once its dead letters are in their table. Pub/Sub does not answer it.

    Return the keys of the letters.
    """
    with nobody_listens() as address:
        environment = os.environ | {"DATABASE_URL": dsn, "PUBSUB_EMULATOR_HOST": address}
        with Program(module, *flags, environment=environment):
            wait_until(lambda: keys(kept), seconds=30, what="the dead letters are written")
    return keys(kept)


def keys(kept: Stage | Ledger) -> list[str]:
    found = kept.rows("SELECT letter_key FROM event_dead_letters ORDER BY letter_key")
    return [key for (key,) in found]


def published(events: Broker) -> list[str]:
    return [each.attributes["dead_letter_key"] for each in events.dead_letters()]


def test_the_next_catch_up_publishes_what_a_killed_one_did_not(
    stage: Stage, events: Broker
) -> None:
    for _ in range(2):
        insert_poison(stage, "[]", "now")
    flags = ("catch-up", "--dead-letter-topic", DEAD_LETTER_TOPIC)
    dsn = stage.database.writer_dsn
    noted, forgotten = kill_before_it_publishes(stage, dsn, "pipeline", *flags)
    # Control: an event that is dead is final, so without the note nothing finds its letter.
    stage.execute("DELETE FROM fanout.unpublished_letters WHERE letter_key = %s", forgotten)
    assert stage.rows(NOTED) == [(noted, DEAD_LETTER_TOPIC)]
    stage.rows(A_MINUTE_LATER)
    address = events.emulator.address
    environment = os.environ | {"DATABASE_URL": dsn, "PUBSUB_EMULATOR_HOST": address}
    with Program("pipeline", *flags, environment=environment) as program:
        assert program.wait(60) == 0
    assert published(events) == [noted]
    assert stage.rows(NOTED) == []


@pytest.fixture
def jobs(database: Database) -> Iterator[Ledger]:
    yield Ledger(database, DatabaseSettings(dsn=database.jobs_dsn))
    close_pools()


def test_any_process_of_the_jobs_publishes_what_a_killed_one_did_not(
    jobs: Ledger, events: Broker, monkeypatch: pytest.MonkeyPatch
) -> None:
    jobs.rows(
        "INSERT INTO fanout.job_runs (job, scheduled_for, as_of, requested_by, state, attempts,"
        " failures) VALUES (%s, %s, %s, 'tick', 'waiting', 3, 3)",
        *(JOB.name, NOON, NOON),
    )
    dsn = jobs.settings.dsn
    letters = kill_before_it_publishes(jobs, dsn, "tests.topology.dead_run")
    assert jobs.states() == ["dead"]
    jobs.rows(A_MINUTE_LATER)
    monkeypatch.setenv("PUBSUB_EMULATOR_HOST", events.emulator.address)
    get_publisher.cache_clear()
    try:
        # Control: the run is dead, so no message leads to it again.
        run_graph(jobs.settings)
        assert published(events) == []
        with publishing(jobs.settings, Graph.JOBS, DEAD_LETTER_TOPIC):
            wait_until(lambda: not jobs.rows(NOTED), seconds=20, what="it is published")
    finally:
        get_publisher().stop()
        get_publisher.cache_clear()
    assert published(events) == letters
