import pytest

from pipeline.clients.postgres.pool import get_pool
from pipeline.commands.life import closed_pools
from pipeline.domain.errors import TransientError
from pipeline.settings import DatabaseSettings
from tests.databases import Database


def fail(settings: DatabaseSettings) -> None:
    with closed_pools():
        get_pool(settings)
        raise TransientError


def test_the_pools_end_with_the_command_whatever_happens_in_it(database: Database) -> None:
    settings = DatabaseSettings(dsn=database.writer_dsn)
    with closed_pools():
        pool = get_pool(settings)
    assert pool.closed
    another = get_pool(settings)
    with pytest.raises(TransientError):
        fail(settings)
    assert another.closed
