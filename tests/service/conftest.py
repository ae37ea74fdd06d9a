"""A database for a whole module: each start of the service takes a second."""

from collections.abc import Iterator

import pytest

from pipeline.clients.postgres.pool import close_pools
from tests.databases import Database, Databases


@pytest.fixture(scope="module")
def shared_database(databases: Databases) -> Iterator[Database]:
    """A database that the tests of a module share."""
    with databases.migrated() as database:
        yield database
        close_pools()
