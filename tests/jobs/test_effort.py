"""The cost of a page grows with its rows, whatever the planner believes."""

from collections.abc import Iterator
from typing import Final

import psycopg
import pytest

from bench.crowd import crowd
from pipeline.clients.postgres.sql import load
from pipeline.jobs.job import Job
from tests.databases import Database, Databases
from tests.effort import LIES, effort, lie_to
from tests.jobs.desk import JOBS, NOW, pages_of

NUMBER: Final = 2_000
STEPS_PER_ROW: Final = 60


@pytest.fixture(scope="module", params=LIES)
def crowded(request: pytest.FixtureRequest, databases: Databases) -> Iterator[Database]:
    """The crowd, and a planner that believes something else."""
    with databases.migrated() as database:
        lie_to(database, request.param)
        with database.connect() as connection:
            crowd(connection, NUMBER, analyze=False)
        yield database


@pytest.mark.parametrize("job", JOBS, ids=lambda job: str(job.name))
def test_a_page_takes_a_number_of_steps_for_each_row_whatever_the_planner_believes(
    crowded: Database, job: Job
) -> None:
    work = pages_of(job)
    parameters = {**work.parameters, "now": NOW, "most": work.most, "dry_run": False}
    with psycopg.connect(crowded.jobs_dsn, autocommit=True) as connection:
        steps = effort(connection, load("pipeline.jobs", work.statement), after=None, **parameters)
        emitted = connection.execute("SELECT count(id) FROM domain_events").fetchone()
    assert steps < STEPS_PER_ROW * work.most
    assert emitted is not None
    assert emitted[0] > NUMBER
