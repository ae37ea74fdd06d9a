"""One connection pool per process, whatever number of DoFn instances ask for it."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any, Final

from psycopg import Connection
from psycopg_pool import ConnectionPool

from pipeline import __version__
from pipeline.postgres.credentials import connection_string
from pipeline.settings import DatabaseSettings

Pool = ConnectionPool[Connection[Any]]

_lock: Final = threading.Lock()
_pools: dict[DatabaseSettings, Pool] = {}


def get_pool(settings: DatabaseSettings) -> Pool:
    """The process's pool for these settings; opened at the first call, autocommit, bounded."""
    with _lock:
        pool = _pools.get(settings)
        if pool is None:
            pool = _pools[settings] = ConnectionPool(
                partial(connection_string, settings),
                min_size=0,
                max_size=settings.pool_size,
                timeout=settings.patience.total_seconds(),
                kwargs={
                    "autocommit": True,
                    "application_name": f"fanout {__version__}",
                    "connect_timeout": 5,
                    "options": _server_options(settings),
                    "tcp_user_timeout": 10_000,
                },
                open=True,
            )
        return pool


@contextmanager
def take_connection(settings: DatabaseSettings) -> Iterator[Connection[Any]]:
    """A connection of the process's pool for the block; one that is lost takes the others along.

    Whatever silenced or ended it has as a rule reached the idle ones too, and each of those would
    cost as long to find out. They are closed unused, and those in use when they come back.
    """
    pool = get_pool(settings)
    with pool.connection() as connection:
        try:
            yield connection
        finally:
            if connection.broken:
                pool.drain()


def close_pools() -> None:
    """Close every pool of the process; the next ``get_pool`` opens a new one."""
    with _lock:
        for pool in _pools.values():
            pool.close()
        _pools.clear()


def _server_options(settings: DatabaseSettings) -> str:
    statement = round(settings.statement_timeout.total_seconds() * 1000)
    # Whoever waits for a lock cannot stop; it is better to give way and come again.
    lock = round(settings.patience.total_seconds() * 1000)
    # An acknowledged event must survive a crash of the server, whatever the role's default says.
    return f"-c statement_timeout={statement} -c lock_timeout={lock} -c synchronous_commit=on"
