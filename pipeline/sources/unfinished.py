"""Events without a final state in the ledger: a selection in, wake-ups in batches out."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from psycopg import Connection

from pipeline.clients.postgres.retry import with_connection
from pipeline.clients.postgres.sql import load
from pipeline.domain.identifiers import EventId, EventType
from pipeline.domain.portions import portions
from pipeline.domain.wake_up import WakeUp
from pipeline.settings import DatabaseSettings

# Wake-ups per batch: enough for full statements of 500 events for each of several types.
BATCH_SIZE: Final = 2_500
# Rows that one statement reads, including those of finished events.
RANGE_SIZE: Final = 50_000

_UNFINISHED: Final = load("pipeline.sources", "unfinished_events", only="ids")
_COUNT: Final = load("pipeline.sources", "unfinished_events", only="count")
_LAST: Final = load("pipeline.sources", "last_event_id")
_NEXT: Final = load("pipeline.sources", "next_range")


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """Which of the unfinished events to read. None means all.

    Attributes:
        event_type: only events of this type.
        since: only events created at this time or later.
        until: only events created before this time.
        older_than: only events that are at least this old, or this far in the future.
    """

    event_type: EventType | None = None
    since: datetime | None = None
    until: datetime | None = None
    older_than: timedelta = timedelta(0)

    @property
    def parameters(self) -> dict[str, Any]:
        """The selection as parameters of a statement."""
        return {
            "event_type": self.event_type,
            "since": self.since,
            "until": self.until,
            "older_than": self.older_than,
        }


@dataclass(frozen=True, slots=True)
class IdRange:
    """The ids above ``after`` and up to ``last``, with at most ``RANGE_SIZE`` rows."""

    after: int
    last: int


def count_unfinished(database: DatabaseSettings, selection: Selection) -> int:
    """Return how many events a pass would read now."""

    def count(connection: Connection[Any]) -> int:
        return int(connection.execute(_COUNT, selection.parameters).fetchall()[0][0])

    return with_connection(database, count)


def read_ranges(database: DatabaseSettings) -> Iterator[IdRange]:
    """Yield the ids of all present events in ranges of ``RANGE_SIZE`` rows. Ids can have gaps.

    Each range is looked up when it is requested.
    """
    lowest, highest = _one(database, _LAST, {})
    # This would overflow only for the lowest bigint, which no sequence returns.
    after = int(lowest) - 1 if lowest is not None else 0
    while highest is not None and after < highest:
        parameters = {"after": after, "last": highest, "rows": RANGE_SIZE}
        (found,) = _one(database, _NEXT, parameters)
        last = int(highest if found is None else found)
        yield IdRange(after, last)
        after = last


def read_unfinished(database: DatabaseSettings, selection: Selection) -> Iterator[list[WakeUp]]:
    """Yield the unfinished events in batches, lowest id first. Reads one range in advance."""

    def ids(one: IdRange) -> list[EventId]:
        parameters = {**selection.parameters, "after": one.after, "last": one.last}

        def read(connection: Connection[Any]) -> list[EventId]:
            return [row[0] for row in connection.execute(_UNFINISHED, parameters)]

        return with_connection(database, read)

    ranges = read_ranges(database)
    with ThreadPoolExecutor(1, thread_name_prefix="read") as reader:

        def following() -> list[EventId] | None:
            one = next(ranges, None)
            return None if one is None else ids(one)

        ahead = reader.submit(following)
        while (found := ahead.result()) is not None:
            ahead = reader.submit(following)
            for batch in portions(found, BATCH_SIZE):
                # The statement has seen the row, so there is nothing to wait for.
                yield [WakeUp(each, waited=True) for each in batch]


def _one(
    database: DatabaseSettings, statement: bytes, parameters: dict[str, Any]
) -> tuple[Any, ...]:
    def read(connection: Connection[Any]) -> tuple[Any, ...]:
        return connection.execute(statement, parameters).fetchall()[0]

    return with_connection(database, read)
