"""Detect wake-ups that another database sent: their rows are missing or have another time.

A message holds the id and the time of an event. If DATABASE_URL names a copy (a test database, or
yesterday's backup), it has no row with the id, or a row with another time. A few messages without a
row are usual, because rows can be deleted. If most messages mismatch, the database is wrong.
"""

import logging
import threading
import time
from collections.abc import Iterable
from datetime import timedelta
from functools import cache
from typing import Final

from pipeline.domain.message import REPLAY_ATTRIBUTE, Message, time_of
from pipeline.settings import DatabaseSettings

# Warn of at least this many mismatches, if they are also half of the wake-ups.
LEAST: Final = 3
# The counts start again after this many wake-ups.
WINDOW: Final = 1_000
QUIET_SECONDS: Final = 60.0
# The time in a message may be truncated or rounded.
TOLERANCE: Final = timedelta(seconds=1)

_log: Final = logging.getLogger(__name__)


class Origin:
    """Counts wake-ups, and warns at most once a minute if most do not match their rows.

    The warning contains no value of a message or a row. Thread-safe.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._seen = 0
        self._mismatched = 0
        self._quiet_until = 0.0

    def compare(
        self, found: Iterable[tuple[Message, int | None]], missing: Iterable[Message]
    ) -> None:
        """Count messages, and warn if most do not match.

        Args:
            found: messages with the times of their rows, in microseconds since 1970; None if the
                time is unknown.
            missing: messages that permanently have no row.
        """
        differ = [_differs(message, moment) for message, moment in found if _is_captured(message)]
        differ += [True for message in missing if _is_captured(message)]
        with self._lock:
            self._seen += len(differ)
            self._mismatched += sum(differ)
            seen, mismatched = self._seen, self._mismatched
            suspicious = mismatched >= LEAST and 2 * mismatched >= seen
            if suspicious and time.monotonic() < self._quiet_until:
                return
            if suspicious:
                self._quiet_until = time.monotonic() + QUIET_SECONDS
            if suspicious or seen >= WINDOW:
                self._seen = self._mismatched = 0
        if suspicious:
            _log.warning(
                "%s of %s wake-ups match no row of this database by id and time:"
                " check that DATABASE_URL names the database that Debezium captures",
                f"{mismatched:,}",
                f"{seen:,}",
            )


def _is_captured(message: Message) -> bool:
    """Whether change data capture sent the message. A replay sends its own time."""
    return REPLAY_ATTRIBUTE not in message.attributes


def _differs(message: Message, moment: int | None) -> bool:
    """Whether the message and the row have different times. False if a time is unusable."""
    claimed = time_of(message)
    if claimed is None or moment is None:
        return False
    return abs(claimed - moment) > TOLERANCE // timedelta(microseconds=1)


@cache
def origin_of(settings: DatabaseSettings) -> Origin:
    """Return the process's counts for a database."""
    del settings  # the key of the cache
    return Origin()
