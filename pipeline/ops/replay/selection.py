"""Finds the events that a selector selects, with their states in the ledger."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final
from uuid import UUID

from psycopg import Connection

from pipeline.clients.postgres.retry import with_connection
from pipeline.clients.postgres.sql import load
from pipeline.domain.errors import NotFound
from pipeline.domain.identifiers import EventId
from pipeline.fanout.outcome import Status
from pipeline.ops.replay.limits import PlanLimits
from pipeline.ops.replay.selector import Selector
from pipeline.settings import DatabaseSettings
from pipeline.sources.unfinished import read_ranges

PAGE_SIZE: Final = 5_000

_NAMED: Final = load("pipeline.ops.replay", "named_events")
_EVENTS: Final = load("pipeline.ops.replay", "selected_events")
_LETTERS: Final = load("pipeline.ops.replay", "selected_letters")
_NAMELESS: Final = load("pipeline.ops.replay", "nameless_letters")

Row = tuple[int, str, str | None]


@dataclass(slots=True)
class SelectedEvents:
    """The selected events.

    Attributes:
        to_publish: the events that are not complete, in ascending order.
        complete: how many events of each type are complete. A replay writes nothing for them.
        nameless: selected dead letters that cannot be replayed because they name no row.
    """

    to_publish: list[EventId] = field(default_factory=list)
    complete: Counter[str] = field(default_factory=Counter)
    nameless: int = 0


def select(
    database: DatabaseSettings, selector: Selector, limits: PlanLimits | None = None
) -> SelectedEvents:
    """Find the events that a selector selects.

    Raises:
        NotFound: a named event or fingerprint does not exist.
        UsageError: the selection exceeds a limit.
    """
    selection = SelectedEvents()
    for rows in _portions(database, selector):
        for event_id, event_type, status in rows:
            if status == Status.COMPLETED:
                selection.complete[event_type] += 1
            else:
                selection.to_publish.append(EventId(event_id))
        if limits is not None:
            limits.check(len(selection.to_publish))
    if selector.of_letters:
        selection.nameless = _query(database, _NAMELESS, selector.parameters)[0][0]
    found = len(selection.to_publish) + selection.complete.total() + selection.nameless
    if selector.fingerprint is not None and found == 0:
        raise NotFound(
            f"no open dead letter with the fingerprint {selector.fingerprint!r} meets the"
            " conditions: see dead-letters list"
        )
    return selection


def _portions(database: DatabaseSettings, selector: Selector) -> Iterator[list[Row]]:
    if selector.events:
        yield _named(database, selector.events)
    elif selector.of_letters:
        yield from _pages(database, _LETTERS, selector.parameters, after=0)
    else:
        for ids in read_ranges(database):
            yield _query(
                database, _EVENTS, {**selector.parameters, "after": ids.after, "last": ids.last}
            )


def _named(database: DatabaseSettings, events: tuple[int | UUID, ...]) -> list[Row]:
    rows = _query(database, _NAMED, {"ids": list(events)})
    unknown = sorted(set(events) - {row[0] for row in rows}, key=str)
    if unknown:
        named = ", ".join(map(str, unknown))
        raise NotFound(f"no event and no open dead letter has the id {named}")
    return rows


def _pages(
    database: DatabaseSettings, statement: bytes, conditions: dict[str, Any], *, after: int
) -> Iterator[list[Row]]:
    """Yield the pages of a statement that returns one page of rows after an id, lowest id first."""
    while True:
        page = _query(database, statement, {**conditions, "after": after, "page": PAGE_SIZE})
        yield page
        if len(page) < PAGE_SIZE:
            return
        after = page[-1][0]


def _query(
    database: DatabaseSettings, statement: bytes, parameters: dict[str, Any]
) -> list[tuple[Any, ...]]:
    def query(connection: Connection[Any]) -> list[tuple[Any, ...]]:
        return connection.execute(statement, parameters).fetchall()

    return with_connection(database, query)
