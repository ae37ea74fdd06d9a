"""The ledger of job runs of a fresh database."""

from collections.abc import Iterator

import pytest

from pipeline.clients.postgres.pool import close_pools
from pipeline.settings import DatabaseSettings
from tests.databases import Database
from tests.steps.runs import Ledger


@pytest.fixture
def ledger(database: Database) -> Iterator[Ledger]:
    """Used as the role of the jobs."""
    yield Ledger(database, DatabaseSettings(dsn=database.jobs_dsn))
    close_pools()
