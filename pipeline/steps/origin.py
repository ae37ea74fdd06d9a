"""Notice wake-ups that another database sent: the rows they name are not here, or not the same.

Of an event a message says the id and the time. A stream that was pointed at a copy, a database for
trials or yesterday's backup, finds no row of the id, or one of another time. A few without a row
are usual, since rows can be deleted; most of them are not.
"""

import logging
import threading
import time
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Final

from pipeline.domain.message import REPLAY_ATTRIBUTE, TIME_ATTRIBUTE, Message
from pipeline.settings import DatabaseSettings

# Fewer say nothing, and of these at least half must be strange.
LEAST: Final = 3
# What was longer ago than so many wake-ups says nothing of now.
WINDOW: Final = 1_000
QUIET_SECONDS: Final = 60.0
# A time may have been cut on its way, or rounded.
TOLERANCE: Final = timedelta(seconds=1)

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_log: Final = logging.getLogger(__name__)


class Origin:
    """Counts wake-ups and warns, at most once a minute, when most of them are strange.

    What it says holds no value of a message or a row. Thread-safe.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._seen = 0
        self._strange = 0
        self._quiet_until = 0.0

    def compare(
        self, found: Iterable[tuple[Message, int | None]], missing: Iterable[Message]
    ) -> None:
        """Take note of messages.

        Args:
            found: with the times of their rows, in microseconds since 1970, None where unknown.
            missing: those without a row, for good.
        """
        strange = [_differs(message, moment) for message, moment in found if _is_captured(message)]
        strange += [True for message in missing if _is_captured(message)]
        with self._lock:
            self._seen += len(strange)
            self._strange += sum(strange)
            seen, strangers = self._seen, self._strange
            suspicious = strangers >= LEAST and 2 * strangers >= seen
            if suspicious and time.monotonic() < self._quiet_until:
                return
            if suspicious:
                self._quiet_until = time.monotonic() + QUIET_SECONDS
            if suspicious or seen >= WINDOW:
                self._seen = self._strange = 0
        if suspicious:
            _log.warning(
                "%s of %s wake-ups name no row of this database, or one of another time:"
                " is DATABASE_URL the database that Debezium captures?",
                f"{strangers:,}",
                f"{seen:,}",
            )


def _is_captured(message: Message) -> bool:
    """Whether change data capture sent it: the time of a replay's message is its own."""
    return REPLAY_ATTRIBUTE not in message.attributes


def _differs(message: Message, moment: int | None) -> bool:
    """Whether the message says another time than the row; what cannot be compared does not."""
    claimed = message.attributes.get(TIME_ATTRIBUTE)
    if claimed is None or moment is None:
        return False
    try:
        parsed = datetime.fromisoformat(claimed)
    except ValueError:
        return False
    if parsed.tzinfo is None:
        return False
    microseconds = (parsed - _EPOCH) // timedelta(microseconds=1)
    return abs(microseconds - moment) > TOLERANCE // timedelta(microseconds=1)


@cache
def origin_of(settings: DatabaseSettings) -> Origin:
    """The process's account of a database."""
    del settings  # the key of the cache
    return Origin()
