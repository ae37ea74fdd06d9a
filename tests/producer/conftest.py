"""What the tests of the queue share."""

from collections.abc import Iterator

import pytest

from pipeline.ops.families import Family
from pipeline.ops.migrate import migrate
from tests.databases import Database, Databases
from tests.producer.post import Post


@pytest.fixture
def post(database: Database) -> Post:
    """A queue in a database with every family."""
    return Post(database)


@pytest.fixture(scope="module")
def lonely(databases: Databases) -> Iterator[Post]:
    """A queue in a database with mail alone: it has no table of an application."""
    with databases.empty() as database:
        migrate(database.dsn, family=Family.MAIL)
        yield Post(database)
