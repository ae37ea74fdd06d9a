"""The bounded source: events without a final state in the ledger, as the messages they would be."""

from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

import apache_beam as beam
from apache_beam.pvalue import PBegin
from psycopg import Connection

from pipeline.domain.identifiers import EventId, EventType
from pipeline.domain.message import Message
from pipeline.domain.wire import COLUMNS, encode
from pipeline.postgres.retry import with_connection
from pipeline.postgres.sql import load
from pipeline.settings import DatabaseSettings

PAGE_SIZE: Final = 1_000
RANGE_SIZE: Final = 100_000

_PAGE: Final = load("pipeline.sources", "unfinished_events")
_COUNT: Final = load("pipeline.sources", "count_unfinished_events")
_SPAN: Final = load("pipeline.sources", "event_id_span")


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """Which of the unfinished events are wanted; None means all.

    Attributes:
        event_type: of this type only.
        since: created at this time or later.
        until: created before this time.
        older_than: of at least this age when they are looked for.
    """

    event_type: EventType | None = None
    since: datetime | None = None
    until: datetime | None = None
    older_than: timedelta = timedelta(0)

    @property
    def parameters(self) -> dict[str, Any]:
        """The selection as the parameters of a statement."""
        return {
            "event_type": self.event_type,
            "since": self.since,
            "until": self.until,
            "older_than": self.older_than,
        }


@dataclass(frozen=True, slots=True)
class IdRange:
    """Ids above ``after`` and up to ``last``."""

    after: int
    last: int


class ReadUnfinished(beam.PTransform[PBegin, beam.PCollection[Message]]):
    """Read the selected events that have no final state, in ranges of ids that workers share.

    The upper end is fixed at the start of the pass, so a pass ends while events go on arriving.
    """

    def __init__(self, database: DatabaseSettings, selection: Selection) -> None:
        super().__init__()
        self._database = database
        self._selection = selection

    def expand(self, pbegin: PBegin) -> beam.PCollection[Message]:
        """The selection, its ranges, their events."""
        return (
            pbegin
            | "Select" >> beam.Create([self._selection], reshuffle=False)
            | "SplitRanges" >> beam.FlatMap(_Ranges(self._database))
            | "ReadRange" >> beam.FlatMap(_Events(self._database, self._selection))
        )


@dataclass(frozen=True, slots=True)
class _Ranges:
    database: DatabaseSettings

    def __call__(self, selection: Selection) -> Iterable[IdRange]:  # noqa: ARG002 - the whole table
        return split_ids(self.database)


@dataclass(frozen=True, slots=True)
class _Events:
    database: DatabaseSettings
    selection: Selection

    def __call__(self, ids: IdRange) -> Iterable[Message]:
        return read_range(self.database, self.selection, ids)


def count_unfinished(database: DatabaseSettings, selection: Selection) -> int:
    """How many events a pass would read now."""

    def count(connection: Connection[Any]) -> int:
        return int(connection.execute(_COUNT, selection.parameters).fetchall()[0][0])

    return with_connection(database, count)


def split_ids(database: DatabaseSettings) -> list[IdRange]:
    """The ids of all events there are now, in ranges of at most ``RANGE_SIZE``."""

    def span(connection: Connection[Any]) -> tuple[int, int]:
        lowest, highest = connection.execute(_SPAN).fetchall()[0]
        return int(lowest), int(highest)

    lowest, highest = with_connection(database, span)
    starts = range(lowest - 1, highest, RANGE_SIZE)
    return [IdRange(start, min(start + RANGE_SIZE, highest)) for start in starts]


def read_range(database: DatabaseSettings, selection: Selection, ids: IdRange) -> Iterator[Message]:
    """The unfinished events of a range, lowest id first; a page is read while one is processed."""

    def page(after: int) -> list[tuple[Any, ...]]:
        parameters = {**selection.parameters, "after": after, "last": ids.last, "page": PAGE_SIZE}

        def read(connection: Connection[Any]) -> list[tuple[Any, ...]]:
            return connection.execute(_PAGE, parameters).fetchall()

        return with_connection(database, read)

    with ThreadPoolExecutor(1, thread_name_prefix="read") as reader:
        following = reader.submit(page, ids.after)
        while rows := following.result():
            following = reader.submit(page, rows[-1][0])
            for event_id, event_type, *columns in rows:
                yield encode(
                    EventId(event_id),
                    EventType(event_type),
                    dict(zip(COLUMNS, columns, strict=True)),
                )
