"""A database with reactions, and tables of an application as the original has them beside those."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final
from uuid import UUID, uuid4

import psycopg
from psycopg.types.json import Jsonb

from pipeline.ops.families import Family
from pipeline.ops.migrate import migrate
from pipeline.ops.own_tables.given import read_tables
from tests.databases import Database, Databases
from tests.steps.reactions.board import Board

EVENTS: Final = """
    CREATE TABLE public.events (
        id             uuid PRIMARY KEY DEFAULT gen_random_uuid(),
        event_type     varchar(100) NOT NULL,
        aggregate_id   uuid,
        aggregate_type varchar(50),
        payload        jsonb NOT NULL,
        metadata       jsonb,
        processed      boolean DEFAULT false,
        version        int DEFAULT 1,
        created_at     timestamptz DEFAULT now(),
        created_by     varchar(100)
    );
    CREATE INDEX idx_events_type ON public.events (event_type, created_at DESC);
    CREATE INDEX idx_events_aggregate
        ON public.events (aggregate_type, aggregate_id, created_at DESC);
    CREATE INDEX idx_events_processed ON public.events (processed, created_at) WHERE NOT processed;
    CREATE INDEX idx_events_created ON public.events (created_at DESC);
    CREATE FUNCTION public.notify_event() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        PERFORM pg_notify('agent_events', json_build_object(
            'id', new.id, 'event_type', new.event_type, 'aggregate_id', new.aggregate_id,
            'payload', new.payload)::text);
        RETURN new;
    END
    $$;
    CREATE TRIGGER on_event_created AFTER INSERT ON public.events
        FOR EACH ROW EXECUTE FUNCTION public.notify_event();
"""
# It has more columns than we need, in another order.
PROFILES: Final = """
    CREATE TABLE public.profiles (
        full_name      text,
        verified       boolean NOT NULL DEFAULT false,
        expertise      text[] NOT NULL DEFAULT '{}',
        id             uuid UNIQUE NOT NULL,
        last_active_at timestamptz
    );
"""
# The application's own role is not the owner of its tables, and has no right on ours.
ROLE: Final = """
    DO $$
    BEGIN
        IF to_regrole('own_application') IS NULL THEN
            CREATE ROLE own_application NOLOGIN;
        END IF;
    EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL;
    END
    $$;
    GRANT SELECT, INSERT ON public.events TO own_application;
"""
OTHERS: Final = ("conversations", "agent_tasks", "inbox_items", "credit_events")
TABLES: Final = (
    "events=public.events",
    "users=public.profiles",
    *(f"{name}=own.{name}" for name in OTHERS),
)


@dataclass(frozen=True, slots=True)
class Application:
    """An application's database.

    Attributes:
        board: writes events into the table that has our name, and processes them.
    """

    board: Board

    @property
    def database(self) -> Database:
        """Its database."""
        return self.board.database

    def migrate(self, *tables: str) -> list[str]:
        """Put tables in the place of ours; return what was changed."""
        given = read_tables(tables or TABLES)
        return migrate(self.database.dsn, family=Family.REACTIONS, tables=given)

    def insert(self, event_type: str, payload: object, **columns: object) -> UUID:
        """Insert an event as the application does, with its own role."""
        with self.database.connect() as connection:
            connection.execute("SET ROLE own_application")
            return insert(connection, event_type, payload, **columns)


def insert(
    connection: psycopg.Connection, event_type: str, payload: object, **columns: object
) -> UUID:
    """Insert an event into the application's table."""
    event_id = uuid4()
    connection.execute(
        "INSERT INTO public.events (id, event_type, payload, processed) VALUES (%s, %s, %s, %s)",
        [event_id, event_type, Jsonb(payload), columns.get("processed", False)],
    )
    return event_id


@contextmanager
def application(databases: Databases) -> Iterator[Application]:
    """An application's database with reactions, whose tables are not used yet."""
    with databases.with_reactions() as database:
        with database.connect() as connection:
            connection.execute(EVENTS)
            connection.execute(PROFILES)
            connection.execute(ROLE)
            connection.execute("CREATE SCHEMA own")
            for name in OTHERS:
                statement = f"CREATE TABLE own.{name} (LIKE reactions.{name} INCLUDING ALL)"
                connection.execute(statement.encode())
        board = Board(database)
        yield Application(board)
        board.close()
