"""What HTTP answers of any provider have in common: a header or a body in; a value out."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any, Final

import orjson

# A provider that names a later time is not believed.
LONGEST_WAIT: Final = timedelta(days=31)


def json_object(body: bytes) -> Mapping[str, Any]:
    """Return the object that a body holds; an empty one if it holds anything else."""
    try:
        content = orjson.loads(body)
    except orjson.JSONDecodeError:
        return {}
    return content if isinstance(content, dict) else {}


def header_number(text: str | None) -> int | None:
    """Return a header's whole number, of at most nine digits, before a comma or semicolon.

    None: it is something else.
    """
    first = re.split("[,;]", text or "", maxsplit=1)[0].strip()
    return int(first) if re.fullmatch("[0-9]{1,9}", first) else None


def time_after(at: datetime, seconds: int) -> datetime:
    """Return the time so many seconds after an answer, within ``LONGEST_WAIT``."""
    return at + min(timedelta(seconds=seconds), LONGEST_WAIT)


def retry_time(text: str | None, at: datetime) -> datetime | None:
    """Return the time that a header ``Retry-After`` names, within ``LONGEST_WAIT``.

    Args:
        text: seconds from the answer on, or a date. None: there is no such header.
        at: the time of the answer.

    Returns:
        The time; None if the header names none.
    """
    seconds = header_number(text)
    if seconds is not None:
        return time_after(at, seconds)
    try:
        wanted = parsedate_to_datetime((text or "").strip())
        wanted = wanted.astimezone(UTC) if wanted.tzinfo else wanted.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        return None
    return min(wanted, at + LONGEST_WAIT)
