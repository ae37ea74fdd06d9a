"""The Pub/Sub emulator that a stream reads from."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.databases import Database
from tests.golden.stage import Stage
from tests.golden.world import populate
from tests.jobs.desk import Desk
from tests.streams import Broker, Stream, broker


@pytest.fixture
def events() -> Iterator[Broker]:
    """Start an emulator with the topics of a stream."""
    with broker() as made:
        yield made


@pytest.fixture
def stream(stage: Stage, events: Broker, tmp_path: Path) -> Stream:
    """A stream on the stage, not started yet."""
    return Stream(events, stage.database.writer_dsn, tmp_path / "log")


@pytest.fixture
def desk(database: Database) -> Desk:
    """The golden world in a fresh database, and the jobs over it."""
    with database.asking() as connection:
        populate(connection)
    return Desk(database)
