"""The name of a row in any table: what dead letters, replays and logs call it."""

from dataclasses import dataclass
from typing import Final

EVENTS: Final = "domain_events"


@dataclass(frozen=True, slots=True)
class RecordKey:
    """One row of one table.

    Attributes:
        source: the table, as a family names it.
        id: the primary key, as text.
    """

    source: str
    id: str

    def __str__(self) -> str:
        return f"{self.source}:{self.id}"
