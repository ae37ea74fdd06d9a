"""Fixtures for tests of the service."""

from collections.abc import Iterator

import pytest

from pipeline.clients.postgres.pool import close_pools
from tests.databases import Database, Databases
from tests.golden.stage import Stage
from tests.service.api import Api, asked


@pytest.fixture(scope="module")
def shared_database(databases: Databases) -> Iterator[Database]:
    """A database that the tests of a module share: each start of the service takes a second."""
    with databases.migrated() as database:
        yield database
        close_pools()


@pytest.fixture
def api(stage: Stage) -> Iterator[Api]:
    """The API on the golden stage."""
    with asked(stage) as made:
        yield made
