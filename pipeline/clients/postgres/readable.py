"""Reads every time of Postgres, also those that Python cannot represent.

``infinity`` and years after 9999 become the last time of Python, years before 1 and ``-infinity``
the first. The order of two times is kept as far as Python can tell them apart.
"""

from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final

import psycopg
from psycopg import adapters
from psycopg.abc import AdaptContext, Buffer, Loader
from psycopg.adapt import AdaptersMap
from psycopg.adapt import Loader as BaseLoader
from psycopg.pq import Format

EARLIEST: Final = datetime.min.replace(tzinfo=UTC)
LATEST: Final = datetime.max.replace(tzinfo=UTC)

_INFINITE: Final = b"infinity"
# The first and the last value of each type.
_BOUNDS: Final[Mapping[str, tuple[Any, Any]]] = {
    "date": (date.min, date.max),
    "timestamp": (EARLIEST.replace(tzinfo=None), LATEST.replace(tzinfo=None)),
    "timestamptz": (EARLIEST, LATEST),
    "interval": (timedelta.min, timedelta.max),
}


class Readable:
    """The context for ``psycopg.connect`` with which our sessions read times."""

    def __init__(self) -> None:
        self.connection = None
        self.adapters = AdaptersMap(adapters)
        for name in _BOUNDS:
            self.adapters.register_loader(name, _loader(name))


def _loader(name: str) -> type[Loader]:
    """Make a loader that returns the nearest bound for a value that the usual one cannot read."""
    oid = adapters.types[name].oid
    first, last = _BOUNDS[name]
    usual: Callable[..., Any] | None = adapters.get_loader(oid, Format.TEXT)
    if usual is None:
        raise LookupError(name)
    make_usual = usual

    class Bounded(BaseLoader):
        format = Format.TEXT

        def __init__(self, oid: int, context: AdaptContext | None = None) -> None:
            super().__init__(oid, context)
            self._usual = make_usual(oid, context)

        def load(self, data: Buffer) -> Any:  # noqa: ANN401 - as psycopg has it
            text = bytes(data)
            try:
                # psycopg reads an infinite interval as an empty one.
                if not text.endswith(_INFINITE):
                    return self._usual.load(data)
            except (psycopg.DataError, OverflowError):
                pass
            return first if text.startswith(b"-") or text.endswith(b"BC") else last

    return Bounded
