"""The name of a row in any table, for dead letters, replays and logs."""

from dataclasses import dataclass
from typing import Final

EVENTS: Final = "domain_events"


@dataclass(frozen=True, slots=True)
class RecordKey:
    """One row of one table.

    Attributes:
        source: the family's name for the table.
        id: the primary key, as text.
    """

    source: str
    id: str

    def __str__(self) -> str:
        return f"{self.source}:{self.id}"
