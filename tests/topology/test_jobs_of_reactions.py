"""The graph of the jobs as a process, on a database that has reactions and no other family."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from pipeline.jobs.reactions.needs import OF_REACTIONS
from pipeline.jobs.table import JOBS
from tests.databases import Database, Databases
from tests.deadline import wait_until
from tests.streams import TOPIC, Broker, Stream

# The application writes no event of this family itself: only the dispatch does.
READY = "SELECT payload ->> 'taskId', created_at FROM reactions.events ORDER BY sequence"


@pytest.fixture
def alone(databases: Databases) -> Iterator[Database]:
    with databases.with_reactions() as database:
        yield database


def rows(database: Database, statement: str, *values: object) -> list[tuple[Any, ...]]:
    with database.asking() as connection:
        return connection.execute(statement.encode(), values).fetchall()


def test_it_hands_out_tasks_at_once_and_runs_the_jobs_that_apply(
    alone: Database, events: Broker, tmp_path: Path
) -> None:
    flags = ("--graph", "jobs", "--tick-topic", TOPIC)
    with Stream(events, alone.jobs_dsn, tmp_path / "log", *flags) as stream:
        done = "SELECT job FROM fanout.job_runs WHERE state = 'done' ORDER BY 1"
        expected = sorted((name,) for name, job in JOBS.items() if job.needs == OF_REACTIONS)
        wait_until(lambda: rows(alone, done) == expected, seconds=40, what="each job has run")
        task = uuid4()
        rows(
            alone,
            "INSERT INTO reactions.agent_tasks (id, event_id, task_type, agent_type,"
            " scheduled_for, context_json) VALUES (%s, %s, 'call', 'concierge', now(), '{}')"
            " RETURNING id",
            *(task, uuid4()),
        )
        wait_until(lambda: bool(rows(alone, READY)), seconds=30, what="the task is handed out")
        assert stream.stop() == 0
    assert [found for found, _ in rows(alone, READY)] == [str(task)]
    assert re.search("retention does not run: the family jobs is not installed", stream.log)
    assert rows(alone, "SELECT count(*) FROM event_dead_letters") == [(0,)]
    assert rows(alone, "SELECT graph FROM fanout.graphs") == [("jobs",)]
