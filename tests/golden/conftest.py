"""A stage with the world on it, for each golden case."""

import pytest

from tests.databases import Database
from tests.golden.stage import Stage
from tests.golden.world import populate


@pytest.fixture
def stage(database: Database) -> Stage:
    """The golden world in a fresh database."""
    with database.connect() as connection:
        populate(connection)
    return Stage(database)
