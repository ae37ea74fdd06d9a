"""One connection pool per process, shared by all DoFn instances."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any, Final, Self

import psycopg
from psycopg_pool import ConnectionPool

from pipeline import __version__
from pipeline.clients.postgres.credentials import connection_string
from pipeline.clients.postgres.errors import belongs_to_connection
from pipeline.clients.postgres.refusal import read_refusal
from pipeline.clients.postgres.session import Session, SessionConnection
from pipeline.domain.errors import ConfigurationError, FanoutError, TransientError
from pipeline.settings import DatabaseSettings

# How long ``reason`` returns the cause of a failed attempt to connect.
REASON_SECONDS: Final = 30.0

Reason = TransientError | ConfigurationError

_lock: Final = threading.Lock()
_pools: dict[DatabaseSettings, "Pool"] = {}
_reasons: dict[DatabaseSettings, tuple[float, Reason]] = {}


class PooledConnection(SessionConnection):
    """A connection of a pool. The pool does not say why it cannot connect: see ``reason``."""

    @classmethod
    def connect(  # type: ignore[override]
        cls,
        conninfo: str = "",
        *,
        settings: DatabaseSettings,
        **kwargs: Any,  # noqa: ANN401
    ) -> Self:
        """Connect. If that fails, keep the cause for ``reason``."""
        try:
            made = super().connect(conninfo, session=session(settings), **kwargs)
        except psycopg.Error as error:
            _reasons[settings] = (time.monotonic(), read_refusal(error).error)
            raise
        _reasons.pop(settings, None)
        return made


Pool = ConnectionPool[PooledConnection]


def session(settings: DatabaseSettings) -> Session:
    """Return the session settings of the pool's connections."""
    return Session(
        name=f"fanout {__version__}",
        statement_timeout=settings.statement_timeout,
        # Work that waits for a lock cannot be stopped. It is better to give up and retry later.
        lock_timeout=settings.retry_for,
        # An acknowledged event must survive a crash of the server.
        durable=True,
    )


def get_pool(settings: DatabaseSettings) -> Pool:
    """Return the pool of the process for these settings. The first call opens it."""
    with _lock:
        pool = _pools.get(settings)
        if pool is None:
            seconds = settings.retry_for.total_seconds()
            pool = _pools[settings] = ConnectionPool(
                partial(_address, settings),
                connection_class=PooledConnection,
                min_size=0,
                max_size=settings.pool_size,
                timeout=seconds,
                # The pool waits longer after each failed attempt. After this timeout it gives up,
                # and a later caller starts a new series of attempts.
                reconnect_timeout=seconds,
                kwargs={"settings": settings},
                open=True,
            )
        return pool


def has_connection(settings: DatabaseSettings) -> bool:
    """Return whether the pool of the process has a connection to this database."""
    with _lock:
        pool = _pools.get(settings)
    return pool is not None and pool.get_stats()["pool_size"] > 0


def reason(settings: DatabaseSettings) -> Reason | None:
    """Return why the pool could not connect a moment ago; None if it could, or did not try."""
    at, known = _reasons.get(settings, (0.0, None))
    return known if time.monotonic() - at < REASON_SECONDS else None


@contextmanager
def take_connection(settings: DatabaseSettings) -> Iterator[PooledConnection]:
    """Take a connection of the pool for the block. If it is lost, all others are closed, too.

    An error of the connection itself closes it, and so counts as a loss. The same fault has
    usually broken the other connections, and each would take as long to find out. Idle connections
    are closed at once, and those in use when they return to the pool.
    """
    pool = get_pool(settings)
    with pool.connection() as connection:
        try:
            yield connection
        except psycopg.Error as error:
            if belongs_to_connection(error):
                connection.close()
            raise
        finally:
            if connection.closed:
                pool.drain()


def close_pools() -> None:
    """Close every pool of the process. The next ``get_pool`` opens a new one."""
    with _lock:
        for pool in _pools.values():
            pool.close()
        _pools.clear()
        _reasons.clear()


def _address(settings: DatabaseSettings) -> str:
    try:
        return connection_string(settings)
    except FanoutError as error:
        if isinstance(error, TransientError | ConfigurationError):
            _reasons[settings] = (time.monotonic(), error)
        raise
