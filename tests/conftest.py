"""What tests of every package share; the cluster starts with the first test that asks for it."""

from collections.abc import Iterator

import pytest

from local.postgres import Postgres
from tests.databases import Database, Databases


@pytest.fixture(scope="session")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Postgres]:
    """A running cluster that forgets everything when its machine loses power."""
    cluster = Postgres(tmp_path_factory.mktemp("postgres"), durable=False)
    cluster.start()
    try:
        yield cluster
    finally:
        cluster.stop()
        cluster.remove()


@pytest.fixture(scope="session")
def databases(postgres: Postgres) -> Databases:
    """The cluster with a migrated template in it."""
    return Databases.with_template(postgres)


@pytest.fixture
def database(databases: Databases) -> Iterator[Database]:
    """A fresh database with the reference schema and every migration."""
    with databases.migrated() as database:
        yield database


@pytest.fixture
def empty_database(databases: Databases) -> Iterator[Database]:
    """A fresh database without any table."""
    with databases.empty() as database:
        yield database
