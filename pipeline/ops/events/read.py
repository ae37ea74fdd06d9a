"""Reads events with their states: a page of a list, or one event."""

import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, Final
from uuid import UUID

from psycopg import Connection
from psycopg.rows import dict_row

from pipeline.clients.postgres.retry import with_connection
from pipeline.clients.postgres.sql import load
from pipeline.domain.errors import NotFound
from pipeline.domain.message import MAX_EVENT_ID
from pipeline.settings import DatabaseSettings

# How many ids one statement looks at. Rare events take several statements.
LOOKED_AT: Final = 10_000
# Of the first one, for each event of the page: most pages need no second one.
FIRST_LOOKED_AT: Final = 4
# After this time a page ends, even if it is not full.
PAGE_SECONDS: Final = 1.0
MOST_OF_PAYLOAD: Final = 100_000

_PAGE: Final = load(__package__, "page")
_DETAILS: Final = load(__package__, "details")
_PAYLOAD: Final = load(__package__, "payload")


class EventState(StrEnum):
    """What has become of an event.

    ``PAST`` is finished, but retention has deleted its ledger row, so nobody can say how.
    """

    COMPLETED = "completed"
    EXPIRED = "expired"
    UNROUTED = "unrouted"
    DEAD = "dead"
    PAUSED = "paused"
    UNFINISHED = "unfinished"
    PAST = "past"


@dataclass(frozen=True, slots=True, kw_only=True)
class EventFilter:
    """Which events to list: those that meet all conditions. None: any event meets it.

    Attributes:
        event_type: of this type.
        state: in this state.
        project: of this project.
        person: events of which this person got a notification or an e-mail. A message that only
            raised the count of an earlier notification is not among them.
        since: created at this time or later.
        until: created before this time.
    """

    event_type: str | None = None
    state: EventState | None = None
    project: UUID | None = None
    person: UUID | None = None
    since: datetime | None = None
    until: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class EventListed:
    """An event in a list. The last four are of its ledger row, and None without one."""

    id: int
    type: str
    created_at: datetime
    actor_id: UUID | None
    project_id: UUID | None
    resource_id: UUID | None
    thread_id: UUID | None
    meeting_id: UUID | None
    state: str
    reason: str | None
    completed_at: datetime | None
    notifications: int | None
    emails: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class EventDetails(EventListed):
    """One event.

    Attributes:
        skipped: how many candidates got nothing.
        error: why it is dead, without a value of the event.
        paused_at: since when it waits as paused; None if it does not.
        payload: its payload, at most ``MOST_OF_PAYLOAD`` characters; None if it was not asked for.
        payload_characters: the length of the whole payload.
    """

    skipped: int | None = None
    error: str | None = None
    pipeline_version: str | None = None
    paused_at: datetime | None = None
    payload: str | None = field(default=None, repr=False)
    payload_characters: int | None = None


@dataclass(frozen=True, slots=True)
class EventPage:
    """A page of events, highest id first.

    Attributes:
        through: the highest id that the next page may have; None if this is the last page. A page
            can have few events, or none, and still not be the last one.
    """

    events: list[EventListed]
    through: int | None


def list_events(
    database: DatabaseSettings,
    wanted: EventFilter,
    *,
    most: int,
    through: int = MAX_EVENT_ID,
    seconds: float = PAGE_SECONDS,
) -> EventPage:
    """Return a page of events. Events that are inserted meanwhile change no later page.

    Args:
        database: the database.
        wanted: the conditions.
        most: the most events of the page.
        through: the highest id of the page.
        seconds: end the page after this time.

    Raises:
        TransientError: the database does not answer in time.
    """
    deadline = time.monotonic() + seconds
    events: list[EventListed] = []
    rows = min(LOOKED_AT, FIRST_LOOKED_AT * most)
    while True:
        found, following = _look(
            database, wanted, most=most - len(events), through=through, rows=rows
        )
        events += found
        if following is None or len(events) == most or time.monotonic() >= deadline:
            return EventPage(events, following)
        through, rows = following, LOOKED_AT


def read_event(database: DatabaseSettings, event_id: int, *, payload: bool = False) -> EventDetails:
    """Return one event.

    Args:
        database: with the login of an operator; without ``payload`` a viewer's is enough.
        event_id: its id.
        payload: whether to read the payload.

    Raises:
        NotFound: there is no such event.
        TransientError: the database does not answer in time.
    """
    listed, _ = _look(database, EventFilter(), most=1, through=event_id, rows=1)
    if not listed or listed[0].id != event_id:
        raise NotFound(f"domain_events has no event {event_id}: it was deleted, or never written")
    asked = {"event": event_id, "most": MOST_OF_PAYLOAD}
    found = asdict(listed[0])
    for statement in (_DETAILS, _PAYLOAD) if payload else (_DETAILS,):
        for row in _rows(database, statement, asked):
            found |= row
    return EventDetails(**found)


def _look(
    database: DatabaseSettings,
    wanted: EventFilter,
    *,
    most: int,
    through: int,
    rows: int = LOOKED_AT,
) -> tuple[list[EventListed], int | None]:
    """Return the events among the next ids, and the highest id that was not looked at."""
    asked = {**asdict(wanted), "through": through, "rows": rows, "most": most}
    found = _rows(database, _PAGE, asked)
    ids, lowest = found[0]["ids"], found[0]["lowest"]
    events = list(_listed(found))
    if len(events) == most:
        return events, events[-1].id - 1
    return events, lowest - 1 if ids == rows else None


def _listed(rows: list[dict[str, Any]]) -> Iterator[EventListed]:
    for row in rows:
        del row["ids"], row["lowest"]
        if row["id"] is not None:
            yield EventListed(**row)


def _rows(
    database: DatabaseSettings, statement: bytes, asked: dict[str, Any]
) -> list[dict[str, Any]]:
    def read(connection: Connection[Any]) -> list[dict[str, Any]]:
        with connection.cursor(row_factory=dict_row) as cursor:
            return cursor.execute(statement, asked).fetchall()

    return with_connection(database, read)
