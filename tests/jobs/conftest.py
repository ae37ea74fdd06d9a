"""The golden world, and jobs over it."""

import pytest

from tests.databases import Database
from tests.golden.world import populate
from tests.jobs.desk import Desk


@pytest.fixture
def desk(database: Database) -> Desk:
    """The golden world in a fresh database, and the jobs over it."""
    with database.connect() as connection:
        populate(connection)
    return Desk(database)
