"""The other connections of a pool after one of them was lost."""

from collections.abc import Iterator
from contextlib import ExitStack
from datetime import timedelta
from typing import Any, Final

import psycopg
import pytest
from psycopg import Connection

from pipeline.clients.postgres.pool import close_pools, get_pool
from pipeline.clients.postgres.retry import with_connection
from pipeline.clients.postgres.watchdog import WATCHDOG
from pipeline.settings import DatabaseSettings
from tests.databases import Database
from tests.torture.proxy import Proxy

POOL: Final = 4


@pytest.fixture
def proxy(database: Database) -> Iterator[Proxy]:
    """The relay between the pool and its database."""
    with Proxy(database.writer_dsn) as made:
        yield made


@pytest.fixture
def settings(proxy: Proxy) -> Iterator[DatabaseSettings]:
    """The settings of a pool that is full of idle connections."""
    settings = DatabaseSettings(
        dsn=proxy.dsn,
        pool_size=POOL,
        statement_timeout=timedelta(seconds=0.5),
        retry_for=timedelta(seconds=20),
    )
    with ExitStack() as taken:
        for _ in range(POOL):
            taken.enter_context(get_pool(settings).connection())
    yield settings
    close_pools()


def backend(connection: Connection[Any]) -> int:
    connection.execute("SELECT 1")
    return connection.info.backend_pid


def test_one_silent_connection_is_enough_to_distrust_those_that_were_idle_beside_it(
    settings: DatabaseSettings, proxy: Proxy
) -> None:
    assert proxy.swallow() == POOL
    tries = 0

    def work(connection: Connection[Any]) -> int:
        nonlocal tries
        tries += 1
        return backend(connection)

    with_connection(settings, work)
    assert tries == 2


def test_control_the_pool_by_itself_offers_one_silent_connection_after_the_other(
    settings: DatabaseSettings, proxy: Proxy
) -> None:
    assert proxy.swallow() == POOL
    for _ in range(POOL):
        with (
            pytest.raises(psycopg.OperationalError),
            get_pool(settings).connection() as connection,
            WATCHDOG.watch(connection, 0.2),
        ):
            backend(connection)


def test_connections_that_were_in_use_beside_a_lost_one_are_not_used_again(
    settings: DatabaseSettings,
) -> None:
    lost: list[int] = []

    def work(connection: Connection[Any]) -> int:
        pid = backend(connection)
        if not lost:
            lost.append(pid)
            connection.execute("SELECT pg_terminate_backend(pg_backend_pid())")
        return pid

    with get_pool(settings).connection() as beside:
        old = backend(beside)
        with_connection(settings, work)
    seen = set()
    with ExitStack() as taken:
        for _ in range(POOL):
            seen.add(backend(taken.enter_context(get_pool(settings).connection())))
    assert len(seen) == POOL
    assert not seen & {old, *lost}


def test_an_error_of_a_statement_costs_no_connection(settings: DatabaseSettings) -> None:
    pids: list[int] = []

    def work(connection: Connection[Any]) -> None:
        pids.append(backend(connection))
        if len(pids) == 1:
            connection.execute("DO $$ BEGIN RAISE SQLSTATE '40001'; END $$")

    before = get_pool(settings).get_stats()["connections_num"]
    with_connection(settings, work)
    assert len(pids) == 2
    assert get_pool(settings).get_stats()["connections_num"] == before
