"""The current time. Callers pass a clock in, so that a test can set the time."""

from collections.abc import Callable
from datetime import UTC, datetime

# Returns the time with its zone.
Clock = Callable[[], datetime]


def utc_now() -> datetime:
    """The time of this machine, in UTC."""
    return datetime.now(UTC)
