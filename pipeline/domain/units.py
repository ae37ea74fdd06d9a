"""Formats times, durations, sizes and counts for people."""

from datetime import UTC, datetime
from typing import Final

_DURATIONS: Final = ((86_400.0, "d"), (3_600.0, "h"), (60.0, "min"), (1.0, "s"))
_SKEW: Final = 1.0
_SIZES: Final = ((1_000_000_000, "GB"), (1_000_000, "MB"), (1_000, "kB"))


def moment(time: datetime) -> str:
    """Format a time to the second: ``2026-03-02 12:00:00 UTC``."""
    return f"{time.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"


def minute(time: datetime) -> str:
    """Format a time to the minute: ``2026-03-02 12:00 UTC``."""
    return f"{time.astimezone(UTC):%Y-%m-%d %H:%M} UTC"


def duration(seconds: float) -> str:
    """Format a duration: ``40 ms``, ``1.2 s``, ``5 min``, ``3.5 h`` or ``2.0 d``."""
    for length, unit in _DURATIONS:
        if seconds >= length:
            return f"{seconds / length:.{0 if unit == 'min' else 1}f} {unit}"
    return f"{max(seconds, 0) * 1000:.0f} ms"


def is_ahead(seconds: float) -> bool:
    """Whether an age is negative by more than the usual difference between clocks."""
    return seconds < -_SKEW


def ago(seconds: float) -> str:
    """Format an age: ``5 min ago``, or ``2.0 h in the future`` for a time of another clock."""
    if is_ahead(seconds):
        return f"{duration(-seconds)} in the future"
    return f"{duration(seconds)} ago"


def size(count: int) -> str:
    """Format a number of bytes: ``512 bytes``, ``16.8 MB`` or ``1.1 GB``."""
    for length, unit in _SIZES:
        if count >= length:
            return f"{count / length:.1f} {unit}"
    return counted(count, "byte")


def counted_waiting(number: int, thing: str) -> str:
    """Format how many wait: ``1 event waits``, ``1,000 events wait``."""
    return f"{counted(number, thing)} {'waits' if number == 1 else 'wait'}"


def counted(number: int, thing: str, things: str | None = None) -> str:
    """Format a count: ``1 event``, ``1,000 events``. ``things`` is an irregular plural."""
    if number == 1:
        return f"{number:,} {thing}"
    ending = "es" if thing.endswith(("ch", "sh", "s", "x")) else "s"
    return f"{number:,} {things or f'{thing}{ending}'}"
