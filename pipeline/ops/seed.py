"""Inserts sample people and events as an application would write them, and deletes them again."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import psycopg
from psycopg import sql
from psycopg.types.json import Jsonb

from pipeline.clients.postgres.errors import classify
from pipeline.clients.postgres.refusal import read_refusal
from pipeline.clients.postgres.session import Session, SessionConnection, working
from pipeline.domain.errors import ConfigurationError
from pipeline.domain.units import counted
from pipeline.fanout.handlers import HANDLERS
from pipeline.ops.sample import ids
from pipeline.ops.sample.added import added_events
from pipeline.ops.sample.chat import CHAT_MESSAGE_SENT
from pipeline.ops.sample.due import insert_due
from pipeline.ops.sample.event import SampleEvent
from pipeline.ops.sample.events import sample_events
from pipeline.ops.sample.people import ORGANISATIONS, PEOPLE, PROJECTS, tables

Connection = psycopg.Connection[tuple[Any, ...]]

_SESSION: Final = Session(name="fanout-seed", lock_timeout=timedelta(seconds=5))
_INSERT_EVENT: Final = """
    INSERT INTO public.domain_events
        (event_type, actor_id, project_id, resource_id, thread_id, meeting_id, payload)
    VALUES (%s, %s, %s, %s, %s, %s, %s)
    RETURNING id
"""
# Some events belong to an organisation but to no project.
_SAMPLE_EVENTS: Final = """
    SELECT id FROM public.domain_events
    WHERE project_id = ANY (%s) OR project_id IS NULL AND payload ->> 'org_id' = ANY (%s)
"""
_INSERT_MESSAGE: Final = """
    INSERT INTO public.project_messages (thread_id, user_id, content)
    VALUES (%s, %s, %s)
    RETURNING id
"""


def seed(dsn: str, *, report: Callable[[str], None] = lambda _: None) -> list[int]:
    """Insert the people, then the events.

    Args:
        dsn: A migrated database, with the login of the owner of the application's tables.
        report: Called with one line for the people and one for the events.

    Returns:
        The ids of the events.

    Raises:
        ConfigurationError: The database is not migrated, or refuses the rows.
    """
    people = seed_people(dsn)
    projects = counted(len(PROJECTS), "project")
    report(f"seeded {counted(people, 'person', 'people')} in {projects}")
    seed_due(dsn)
    events = list(seed_events(dsn))
    report(f"seeded {counted(len(events), 'event')}, {events[0]} to {events[-1]}")
    return events


def seed_people(dsn: str) -> int:
    """Insert the people, and all rows that the events need, in one transaction.

    Existing rows stay as they are, so it is harmless to seed twice.

    Returns:
        How many people the sample has.
    """
    with (
        _connect(dsn) as connection,
        working(connection),
        connection.transaction(),
        connection.cursor() as cursor,
    ):
        for table, rows in tables():
            cursor.executemany(_insert(table, list(rows[0])), rows)
    return len(PEOPLE)


def seed_due(dsn: str) -> None:
    """Insert what the scheduled jobs find now: a meeting that begins soon, an unread message."""
    with _connect(dsn) as connection, working(connection), connection.transaction():
        insert_due(connection, datetime.now(UTC))


def seed_events(dsn: str) -> Iterator[int]:
    """Insert the events, each in its own transaction. Every call inserts all of them again.

    Yields:
        The id of each event after its commit. The next event is inserted on the next request.

    Raises:
        ConfigurationError: The people are missing.
    """
    with _connect(dsn) as connection:
        if not _is_seeded(connection):
            raise ConfigurationError("the sample people are missing: seed them before the events")
        events = sample_events(datetime.now(UTC))
        for event in [*events, *added_events(HANDLERS.values(), events)]:
            yield _insert_event(connection, event)


def clear(dsn: str) -> int:
    """Delete the sample, and all rows that its events led to. Nothing else changes.

    Returns:
        How many events were deleted.

    Raises:
        ConfigurationError: The database does not hold the sample.
    """
    projects = [ids.project(key) for key in PROJECTS]
    organisations = [ids.organisation(key) for key in ORGANISATIONS]
    with _connect(dsn) as connection, working(connection), connection.transaction():
        if not _is_seeded(connection):
            raise ConfigurationError(
                "this database does not hold the sample data, so there is nothing to clear:"
                " check DATABASE_URL"
            )
        found = connection.execute(_SAMPLE_EVENTS, [projects, [str(org) for org in organisations]])
        events = [row[0] for row in found]
        for statement in (
            "DELETE FROM public.event_dead_letters WHERE event_id = ANY (%s)",
            "DELETE FROM public.domain_events WHERE id = ANY (%s)",
        ):
            connection.execute(statement.encode(), [events])
        # The order satisfies the foreign keys. Grants and messages go with their project or author.
        for table, keys in (
            ("public.projects", projects),
            ("public.orgs", organisations),
            ("auth.users", [ids.person(key) for key in PEOPLE]),
        ):
            delete = sql.SQL("DELETE FROM {} WHERE id = ANY (%s)").format(_qualified(table))
            connection.execute(delete, [keys])
    return len(events)


@contextmanager
def _connect(dsn: str) -> Iterator[Connection]:
    try:
        connection = SessionConnection.connect(dsn, session=_SESSION)
    except psycopg.Error as error:
        raise read_refusal(error).error from None
    try:
        with connection:
            yield connection
    except psycopg.errors.InsufficientPrivilege as error:
        raise ConfigurationError(
            f"{error.diag.message_primary}: seed as the owner of the application's tables"
        ) from None
    except psycopg.Error as error:
        raise classify(error) from error


def _is_seeded(connection: Connection) -> bool:
    """Return whether every sample organisation exists. No other program creates these ids."""
    found = connection.execute(
        "SELECT count(*) FROM public.orgs WHERE id = ANY (%s)",
        [[ids.organisation(key) for key in ORGANISATIONS]],
    )
    return found.fetchone() == (len(ORGANISATIONS),)


def _insert(table: str, columns: list[str]) -> sql.Composed:
    return sql.SQL("INSERT INTO {} ({}) VALUES ({}) ON CONFLICT DO NOTHING").format(
        _qualified(table),
        sql.SQL(", ").join(map(sql.Identifier, columns)),
        sql.SQL(", ").join(map(sql.Placeholder, columns)),
    )


def _qualified(table: str) -> sql.Identifier:
    return sql.Identifier(*table.split("."))


def _insert_event(connection: Connection, event: SampleEvent) -> int:
    """Insert an event; for a chat message, first insert the message, as the application does."""
    with working(connection), connection.transaction():
        payload = event.payload
        if event.event_type == CHAT_MESSAGE_SENT:
            content = payload["full_content"]
            message = [event.thread_id, event.actor_id, content]
            payload = {"message_id": _inserted(connection, _INSERT_MESSAGE, message), **payload}
        columns = [event.event_type, event.actor_id, event.project_id, event.resource_id]
        columns += [event.thread_id, event.meeting_id]
        return _inserted(connection, _INSERT_EVENT, [*columns, Jsonb(payload)])


def _inserted(connection: Connection, statement: str, values: list[Any]) -> int:
    row = connection.execute(statement.encode(), values).fetchone()
    return int(row[0]) if row else 0
