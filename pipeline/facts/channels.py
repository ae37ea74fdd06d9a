"""Reads on which channels deliveries are made: every few seconds per process."""

import threading
import time
from functools import cache
from typing import Any, Final

from psycopg import Connection

from pipeline.clients.postgres.retry import with_connection
from pipeline.clients.postgres.sql import load
from pipeline.domain.delivery import DeliveryChannel
from pipeline.settings import DatabaseSettings

# The mails that a process writes before it has heard of a channel are adopted: none is lost. Its
# notifications are in the app, but they are not pushed.
FRESH_SECONDS: Final = 5.0

_HAS_CHANNELS: Final = "SELECT to_regclass('fanout.channels') IS NOT NULL"
_CHANNELS: Final = load(__package__, "channels")


class Channels:
    """The channels of a database that are switched on, at most ``fresh_seconds`` old. Thread-safe.

    A database without the tables of mail has none.
    """

    def __init__(self, settings: DatabaseSettings, fresh_seconds: float = FRESH_SECONDS) -> None:
        self._settings = settings
        self._fresh_seconds = fresh_seconds
        self._lock = threading.Lock()
        self._known: frozenset[DeliveryChannel] = frozenset()
        self._read_at: float | None = None

    def is_on(self, channel: DeliveryChannel) -> bool:
        """Return whether deliveries are made on this channel.

        Raises:
            TransientError: the database did not answer.
            ConfigurationError: the query cannot succeed.
        """
        with self._lock:
            if self._read_at is None or time.monotonic() - self._read_at >= self._fresh_seconds:
                self._known = read_channels(self._settings)
                self._read_at = time.monotonic()
            return channel in self._known

    def forget(self) -> None:
        """Make the next ``is_on`` read the channels again."""
        with self._lock:
            self._read_at = None


def read_channels(settings: DatabaseSettings) -> frozenset[DeliveryChannel]:
    """Read the channels that are switched on; none if the database has no such table."""

    def read(connection: Connection[Any]) -> frozenset[DeliveryChannel]:
        if connection.execute(_HAS_CHANNELS).fetchone() != (True,):
            return frozenset()
        return frozenset(DeliveryChannel(name) for (name,) in connection.execute(_CHANNELS))

    return with_connection(settings, read)


@cache
def channels_of(settings: DatabaseSettings) -> Channels:
    """Return the one ``Channels`` of the process for this database."""
    return Channels(settings)
