"""Reads the switches that hold something back: at most once a second per process."""

import threading
import time
from collections.abc import Mapping
from datetime import timedelta
from functools import cache
from typing import Any, Final

from psycopg import Connection

from pipeline.clients.postgres.retry import with_connection
from pipeline.clients.postgres.sql import load
from pipeline.domain.switch import Switch, SwitchState
from pipeline.settings import DatabaseSettings

FRESH_SECONDS: Final = 1.0

_SWITCHES: Final = load(__package__, "switches")


class Switches:
    """The switches of a database, at most ``fresh_seconds`` old. Thread-safe."""

    def __init__(self, settings: DatabaseSettings, fresh_seconds: float = FRESH_SECONDS) -> None:
        self._settings = settings
        self._fresh_seconds = fresh_seconds
        self._lock = threading.Lock()
        self._known: Mapping[str, Switch] = {}
        self._read_at: float | None = None

    def find(self, name: str) -> Switch | None:
        """Return the switch of this name; None if nothing is held back under it.

        Raises:
            TransientError: the database did not answer.
            ConfigurationError: the query cannot succeed.
        """
        with self._lock:
            # Concurrent callers wait for one read instead of reading too.
            if self._read_at is None or time.monotonic() - self._read_at >= self._fresh_seconds:
                self._known = read_switches(self._settings)
                self._read_at = time.monotonic()
            return self._known.get(name)

    def recall(self, name: str) -> Switch | None:
        """Return what ``find`` knew last, without reading."""
        return self._known.get(name)

    def forget(self) -> None:
        """Make the next ``find`` read the switches again, since they have changed."""
        with self._lock:
            self._read_at = None


def read_switches(settings: DatabaseSettings) -> Mapping[str, Switch]:
    """Read all switches, by name."""

    def read(connection: Connection[Any]) -> Mapping[str, Switch]:
        return {
            name: Switch(
                name=name,
                state=SwitchState(state),
                may_try=may_try,
                fingerprint=fingerprint,
                cool_off=None if seconds is None else timedelta(seconds=seconds),
            )
            for name, state, may_try, fingerprint, seconds in connection.execute(_SWITCHES)
        }

    return with_connection(settings, read)


@cache
def switches_of(settings: DatabaseSettings) -> Switches:
    """Return the one ``Switches`` of the process for this database."""
    return Switches(settings)
