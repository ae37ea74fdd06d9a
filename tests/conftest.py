"""Fixtures for all tests; the cluster starts with the first test that needs it."""

import gc
import signal
from collections.abc import Iterator
from dataclasses import replace
from typing import Final

import psycopg
import pytest
from hypothesis import HealthCheck
from hypothesis import settings as hypothesis_settings

from local.postgres import Postgres
from pipeline.clients.postgres.pool import close_pools
from tests.databases import Database, Databases, scratch_cluster
from tests.golden.stage import Stage
from tests.golden.world import populate

_LONG: Final = (
    # Some minutes in one file: they begin, so that no process works on one of them at the end.
    *("tests/tools/", "tests/test_output.py", "tests/runtime/test_catch_up.py"),
    *("tests/test_contracts.py", "tests/test_command_line.py"),
    *("tests/clients/postgres/test_rights.py", "tests/ops/test_families.py"),
    *(f"tests/{folder}/" for folder in ("deploy", "docs", "e2e", "local", "topology", "torture")),
)


def pytest_configure() -> None:
    """Handle SIGINT, and let examples take the time that they take on a loaded machine."""
    # The shell of a script starts background programs with SIGINT ignored.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    hypothesis_settings.register_profile(
        "fanout", deadline=None, suppress_health_check=[HealthCheck.too_slow]
    )
    hypothesis_settings.load_profile("fanout")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the long files: then the processes of ``make test`` end together."""
    items.sort(key=lambda item: not item.nodeid.startswith(_LONG))


def pytest_collection_finish() -> None:
    """Spare the loaded modules from garbage collection: it takes a tenth of a test's time."""
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """A running cluster that does not survive a power cut."""
    with scratch_cluster() as cluster:
        yield cluster


@pytest.fixture(scope="session")
def databases(postgres: Postgres) -> Iterator[Databases]:
    """The cluster with a migrated template."""
    made = Databases.with_template(postgres)
    with psycopg.connect(postgres.dsn(), autocommit=True) as administrator:
        yield replace(made, administrator=administrator)


@pytest.fixture
def database(databases: Databases) -> Iterator[Database]:
    """A fresh database with the reference schema and every migration."""
    with databases.migrated() as database:
        yield database
        close_pools()


@pytest.fixture
def empty_database(databases: Databases) -> Iterator[Database]:
    """A fresh database without tables."""
    with databases.empty() as database:
        yield database


@pytest.fixture
def stage(database: Database) -> Stage:
    """The golden world in a fresh database, and the graph on it."""
    with database.asking() as connection:
        populate(connection)
    return Stage(database)
