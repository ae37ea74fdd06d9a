"""The Pub/Sub emulator that a stream reads from."""

from collections.abc import Iterator

import pytest

from tests.databases import Database
from tests.golden.world import populate
from tests.jobs.desk import Desk
from tests.streams import Broker, broker


@pytest.fixture
def events() -> Iterator[Broker]:
    """Start an emulator with the topics of a stream."""
    with broker() as made:
        yield made


@pytest.fixture
def desk(database: Database) -> Desk:
    """The golden world in a fresh database, and the jobs over it."""
    with database.connect() as connection:
        populate(connection)
    return Desk(database)
