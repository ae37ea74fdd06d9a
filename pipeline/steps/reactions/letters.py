"""Finds dead letters that are in their table, and that nobody has published in time."""

import threading
import time
from functools import cache
from typing import Final

from pipeline.clients.postgres.retry import with_connection
from pipeline.clients.postgres.sql import load
from pipeline.domain.dead_letter import DeadLetter
from pipeline.domain.record import RecordKey
from pipeline.settings import DatabaseSettings
from pipeline.steps.reactions.table import REACTIONS

# How often a process looks, and the most that a look finds.
LOOK_SECONDS: Final = 10.0
MOST: Final = 500

_UNPUBLISHED: Final = load(__package__, "unpublished_letters")


class UnpublishedLetters:
    """Looks for such dead letters from time to time, for one process. Thread-safe."""

    def __init__(self, settings: DatabaseSettings, *, every: float = LOOK_SECONDS) -> None:
        self._settings = settings
        self._every = every
        self._lock = threading.Lock()
        self._look_at = 0.0

    def take(self) -> list[DeadLetter]:
        """Return those that this process is to publish. No other one gets them for a minute.

        Raises:
            TransientError: the database did not answer.
            ConfigurationError: the table cannot be used.
        """
        now = time.monotonic()
        with self._lock:
            if now < self._look_at:
                return []
            self._look_at = now + self._every
        rows = with_connection(
            self._settings,
            lambda connection: connection.execute(_UNPUBLISHED, {"most": MOST}).fetchall(),
        )
        return [
            DeadLetter(
                record=RecordKey(REACTIONS.source, key.removeprefix(f"{REACTIONS.source}:")),
                event_type=event_type,
                stage=stage,
                error_class=error_class,
                reason=message,
            )
            for key, event_type, stage, error_class, message in rows
        ]


@cache
def unpublished_letters_of(settings: DatabaseSettings) -> UnpublishedLetters:
    """Return the one ``UnpublishedLetters`` of the process for this database."""
    return UnpublishedLetters(settings)
