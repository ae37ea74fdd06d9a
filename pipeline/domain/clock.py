"""What time it is: passed in, so that a test says it and nothing depends on when it runs."""

from collections.abc import Callable
from datetime import UTC, datetime

# Gives the time with its zone.
Clock = Callable[[], datetime]


def utc_now() -> datetime:
    """The time of this machine, in UTC."""
    return datetime.now(UTC)
