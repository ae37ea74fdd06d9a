"""One connection pool per process, whatever number of DoFn instances ask for it."""

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

# How long the reason of a failed attempt to connect is given to those who get no connection.
REASON_SECONDS: Final = 30.0

Reason = TransientError | ConfigurationError

_lock: Final = threading.Lock()
_pools: dict[DatabaseSettings, "Pool"] = {}
_reasons: dict[DatabaseSettings, tuple[float, Reason]] = {}


class PooledConnection(SessionConnection):
    """One of a pool, which itself tells nobody why it gets none: see ``reason``."""

    @classmethod
    def connect(  # type: ignore[override]
        cls,
        conninfo: str = "",
        *,
        settings: DatabaseSettings,
        **kwargs: Any,  # noqa: ANN401
    ) -> Self:
        """Connect, and keep the reason if that fails."""
        try:
            made = super().connect(conninfo, session=session(settings), **kwargs)
        except psycopg.Error as error:
            _reasons[settings] = (time.monotonic(), read_refusal(error).error)
            raise
        _reasons.pop(settings, None)
        return made


Pool = ConnectionPool[PooledConnection]


def session(settings: DatabaseSettings) -> Session:
    """What the connections of the pool are for: to read and write events and what follows."""
    return Session(
        name=f"fanout {__version__}",
        statement_timeout=settings.statement_timeout,
        # Whoever waits for a lock cannot stop; it is better to give way and come again.
        lock_timeout=settings.retry_for,
        # An acknowledged event must survive a crash of the server.
        durable=True,
    )


def get_pool(settings: DatabaseSettings) -> Pool:
    """The process's pool for these settings; opened at the first call, bounded."""
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
                # Attempts come ever more rarely: whoever asks later begins anew.
                reconnect_timeout=seconds,
                kwargs={"settings": settings},
                open=True,
            )
        return pool


def reason(settings: DatabaseSettings) -> Reason | None:
    """Why the pool could not connect a moment ago; None where it could, or did not try."""
    at, known = _reasons.get(settings, (0.0, None))
    return known if time.monotonic() - at < REASON_SECONDS else None


@contextmanager
def take_connection(settings: DatabaseSettings) -> Iterator[PooledConnection]:
    """A connection of the process's pool for the block; one that is lost takes the others along.

    So does one that an error belongs to: it is closed. Whatever silenced, ended or spoilt it has
    as a rule reached the idle ones too, and each of those would cost as long to find out. They are
    closed unused, and those in use when they come back.
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
    """Close every pool of the process; the next ``get_pool`` opens a new one."""
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
