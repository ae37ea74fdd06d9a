"""What is held back now: read at most once a second by a process, however many batches ask."""

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
    """The switches of a database as they were ``fresh_seconds`` ago at most. Thread-safe."""

    def __init__(self, settings: DatabaseSettings, fresh_seconds: float = FRESH_SECONDS) -> None:
        self._settings = settings
        self._fresh_seconds = fresh_seconds
        self._lock = threading.Lock()
        self._known: Mapping[str, Switch] = {}
        self._read_at: float | None = None

    def find(self, name: str) -> Switch | None:
        """The switch of this name, if it holds anything back.

        Raises:
            TransientError: the switches could not be read.
            ConfigurationError: they cannot be read.
        """
        with self._lock:
            # Whoever asks meanwhile waits for one answer instead of asking too.
            if self._read_at is None or time.monotonic() - self._read_at >= self._fresh_seconds:
                self._known = read_switches(self._settings)
                self._read_at = time.monotonic()
            return self._known.get(name)

    def recall(self, name: str) -> Switch | None:
        """As ``find``, by what was read last: reads nothing."""
        return self._known.get(name)

    def forget(self) -> None:
        """They have changed: read them before the next answer."""
        with self._lock:
            self._read_at = None


def read_switches(settings: DatabaseSettings) -> Mapping[str, Switch]:
    """All switches by name."""

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
    """The process's view of a database."""
    return Switches(settings)
