"""What tests of every package share; the cluster starts with the first test that asks for it."""

import signal
from collections.abc import Iterator

import pytest

from local.postgres import Postgres
from pipeline.clients.postgres.pool import close_pools
from tests.databases import Database, Databases, scratch_cluster
from tests.golden.stage import Stage
from tests.golden.world import populate


def pytest_configure() -> None:
    """A shell that runs a script starts its background programs with SIGINT ignored, as do they."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """A running cluster that forgets everything when its machine loses power."""
    with scratch_cluster() as cluster:
        yield cluster


@pytest.fixture(scope="session")
def databases(postgres: Postgres) -> Databases:
    """The cluster with a migrated template in it."""
    return Databases.with_template(postgres)


@pytest.fixture
def database(databases: Databases) -> Iterator[Database]:
    """A fresh database with the reference schema and every migration."""
    with databases.migrated() as database:
        yield database
        close_pools()


@pytest.fixture
def empty_database(databases: Databases) -> Iterator[Database]:
    """A fresh database without any table."""
    with databases.empty() as database:
        yield database


@pytest.fixture
def stage(database: Database) -> Stage:
    """The golden world in a fresh database, and the graph over it."""
    with database.connect() as connection:
        populate(connection)
    return Stage(database)
