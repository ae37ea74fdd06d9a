"""The views for operators: correct figures, read by index, and for operators only."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Final

import psycopg
import pytest
from psycopg import sql

from pipeline.ops.migrate import migrate
from tests.databases import Database

VIEWS: Final = (
    "fanout_events_per_minute",
    "fanout_failures",
    "fanout_latency",
    "fanout_queue",
)
IDA: Final = "a0000000-0000-4000-8000-000000000001"


@pytest.fixture
def connection(database: Database) -> Iterator[psycopg.Connection]:
    """A connection to a database with one person."""
    with database.connect() as connection:
        connection.execute("INSERT INTO auth.users (id) VALUES (%s)", [IDA])
        connection.execute(
            "INSERT INTO public.profiles (id, email, app_role) VALUES (%s, %s, 'borrower')",
            [IDA, "ida@example.test"],
        )
        yield connection


def ago(hours: int) -> str:
    return (datetime.now(UTC) - timedelta(hours=hours)).isoformat()


def plant(
    connection: psycopg.Connection,
    created_at: str,
    completed_at: str | None = None,
    state: str | None = None,
    event_type: str = "document_uploaded",
) -> int:
    """Insert an event, and its row of the ledger if it has a state."""
    row = connection.execute(
        "INSERT INTO public.domain_events (event_type, created_at)"
        " VALUES (%s, %s::timestamptz) RETURNING id",
        [event_type, created_at],
    ).fetchone()
    assert row is not None
    if state is not None:
        connection.execute(
            "INSERT INTO public.notification_processing (event_id, event_type, processing_status,"
            " event_created_at, completed_at, notifications, emails)"
            " VALUES (%s, %s, %s, %s, %s, 2, 1)",
            [row[0], event_type, state, created_at, completed_at],
        )
    return int(row[0])


def test_events_are_counted_by_the_minute_of_their_final_state(
    connection: psycopg.Connection,
) -> None:
    for created_at, completed_at, state in (
        ("2026-03-02 11:59:59.9Z", "2026-03-02 12:00:00Z", "completed"),
        ("2026-03-02 12:00:01Z", "2026-03-02 12:00:59.999Z", "completed"),
        ("2026-03-02 12:00:01Z", "2026-03-02 12:00:02Z", "dead"),
        ("2026-03-02 12:00:01Z", "2026-03-02 12:01:00Z", "completed"),
        ("2026-03-02 12:00:01Z", "2026-03-02 12:00:02Z", "pending"),
        ("2026-03-02 12:00:01Z", None, "processing"),
    ):
        plant(connection, created_at, completed_at, state)
    plant(connection, "2026-03-02 12:01Z", "2026-03-02 12:01:03Z", "unrouted", "moon_rose")
    assert connection.execute(
        "SELECT to_char(minute AT TIME ZONE 'UTC', 'HH24:MI:SS'), event_type, state, events,"
        " notifications, emails FROM public.fanout_events_per_minute ORDER BY 1, 2, 3"
    ).fetchall() == [
        ("12:00:00", "document_uploaded", "completed", 2, 4, 2),
        ("12:00:00", "document_uploaded", "dead", 1, 2, 1),
        ("12:01:00", "document_uploaded", "completed", 1, 2, 1),
        ("12:01:00", "moon_rose", "unrouted", 1, 2, 1),
    ]


def test_latency_is_from_the_event_to_its_rows_for_completed_events_only(
    connection: psycopg.Connection,
) -> None:
    connection.execute(
        """
        INSERT INTO public.domain_events (event_type, created_at)
        SELECT 'a', '2026-03-02 12:00Z' FROM generate_series(1, 101);
        INSERT INTO public.notification_processing
            (event_id, processing_status, event_created_at, completed_at)
        SELECT id, 'completed', created_at, created_at + (id - 1) * interval '10 ms'
        FROM public.domain_events;
        """
    )
    plant(connection, "2026-03-01 12:00Z", "2026-03-02 12:00:30Z", "expired")
    plant(connection, "2026-03-02 12:00:30Z", "2026-03-02 12:01:30Z", "completed")
    assert connection.execute(
        "SELECT to_char(minute AT TIME ZONE 'UTC', 'HH24:MI'), events, p50_seconds, p95_seconds,"
        " p99_seconds FROM public.fanout_latency ORDER BY 1"
    ).fetchall() == [
        ("12:00", 101, *map(pytest.approx, (0.5, 0.95, 0.99))),
        ("12:01", 1, 60.0, 60.0, 60.0),
    ]


def test_the_queue_holds_what_has_no_final_state_and_what_is_to_be_sent(
    connection: psycopg.Connection,
) -> None:
    plant(connection, ago(hours=0))
    plant(connection, ago(hours=30), None, "processing")
    reopened = plant(connection, "2026-01-01", "2026-01-02", "pending")
    for state in ("completed", "expired", "unrouted", "dead"):
        plant(connection, ago(hours=2), ago(hours=1), state)
    for event_id, delivery, status in (
        (reopened, "immediate", "pending"),
        (reopened + 1, "immediate", "sent"),
        (reopened + 2, "aggregated", "failed"),
    ):
        connection.execute(
            "INSERT INTO public.pending_emails"
            " (user_id, event_id, event_type, delivery_type, status, subject, body_data)"
            " VALUES (%s, %s, 'a', %s, %s, 'hello', '{}')",
            [IDA, event_id, delivery, status],
        )
    queue = {
        name: (waiting, oldest_at is None, (oldest_seconds or 0) > 86_400)
        for name, waiting, oldest_at, oldest_seconds in connection.execute(
            "SELECT queue, waiting, oldest_at, oldest_seconds FROM public.fanout_queue"
        )
    }
    assert queue == {
        "events": (3, False, True),
        "paused": (0, True, False),
        "emails:immediate": (1, False, False),
        "emails:aggregated": (0, True, False),
    }


def test_an_event_that_nobody_can_be_told_of_any_more_does_not_wait(
    connection: psycopg.Connection,
) -> None:
    plant(connection, "2026-01-01")
    backdated = plant(connection, "2026-01-01")
    waiting = plant(connection, ago(hours=47))
    assert backdated < waiting
    assert connection.execute(
        "SELECT waiting FROM public.fanout_queue WHERE queue = 'events'"
    ).fetchone() == (1,)


def test_open_dead_letters_are_one_line_for_each_cause(connection: psycopg.Connection) -> None:
    connection.execute(
        """
        INSERT INTO public.event_dead_letters (letter_key, event_id, stage, error_class, message,
            fingerprint, created_at, last_seen_at, resolved_at) VALUES
        ('event:7', 7, 'Decide', 'HandlerFailed', 'KeyError 1', 'f00d',
            '2026-03-02 10:00Z', '2026-03-02 11:00Z', NULL),
        ('event:8', 8, 'Decide', 'HandlerFailed', 'KeyError 2', 'f00d',
            '2026-03-02 09:00Z', '2026-03-02 12:00Z', NULL),
        ('sha256:1', NULL, 'Decide', 'HandlerFailed', 'KeyError 3', 'f00d',
            '2026-03-02 13:00Z', '2026-03-02 13:00Z', NULL),
        ('event:9', 9, 'Decide', 'HandlerFailed', 'KeyError 4', 'f00d',
            '2026-03-02 08:00Z', '2026-03-02 14:00Z', now()),
        ('sha256:2', NULL, 'Decode', 'NotJson', 'no JSON', 'beef',
            '2026-03-02 10:00Z', '2026-03-02 10:00Z', NULL)
        """
    )
    assert connection.execute(
        "SELECT fingerprint, error_class, stage, message, letters,"
        " to_char(first_seen_at AT TIME ZONE 'UTC', 'HH24'),"
        " to_char(last_seen_at AT TIME ZONE 'UTC', 'HH24'), sample_event_id"
        " FROM public.fanout_failures ORDER BY 1"
    ).fetchall() == [
        ("beef", "NotJson", "Decode", "no JSON", 1, "10", "10", None),
        ("f00d", "HandlerFailed", "Decide", "KeyError 3", 3, "09", "13", 8),
    ]


@pytest.mark.parametrize("view", VIEWS)
def test_operators_read_the_views_and_the_other_roles_do_not(database: Database, view: str) -> None:
    query = sql.SQL("TABLE {}").format(sql.Identifier("public", view))
    with psycopg.connect(database.operator_dsn) as operator:
        operator.execute(query)
    for dsn in (database.writer_dsn, database.cdc_dsn):
        with psycopg.connect(dsn) as other, pytest.raises(psycopg.errors.InsufficientPrivilege):
            other.execute(query)


def test_what_the_application_grants_to_everyone_does_not_open_the_views(
    empty_database: Database,
) -> None:
    everyone = f"everyone_{empty_database.name}"
    with empty_database.connect() as connection:
        connection.execute(f"CREATE ROLE {everyone}".encode())
        try:
            connection.execute(
                "ALTER DEFAULT PRIVILEGES IN SCHEMA public"
                f" GRANT ALL ON TABLES TO PUBLIC, {everyone}".encode()
            )
            migrate(empty_database.dsn, reference_schema=True)
            readable = connection.execute(
                "SELECT relname, has_table_privilege(%s, oid, 'SELECT') FROM pg_class"
                " WHERE relnamespace = 'public'::regnamespace"
                " AND (relname = ANY (%s) OR relname = 'domain_events') ORDER BY 1",
                [everyone, list(VIEWS)],
            ).fetchall()
        finally:
            connection.execute(f"DROP OWNED BY {everyone}".encode())
            connection.execute(f"DROP ROLE {everyone}".encode())
    assert readable == [("domain_events", True), *((view, False) for view in VIEWS)]


def test_the_views_show_nobody_a_row_that_row_security_hides(
    connection: psycopg.Connection,
) -> None:
    plant(connection, ago(hours=1), ago(hours=1), "completed")
    connection.execute(
        """
        ALTER TABLE public.notification_processing ENABLE ROW LEVEL SECURITY;
        DROP POLICY fanout_operator ON public.notification_processing;
        """
    )
    query = "SELECT count(*) FROM public.fanout_latency"
    assert connection.execute(query).fetchone() == (1,)
    connection.execute("SET ROLE fanout_operator")
    assert connection.execute(query).fetchone() == (0,)


@pytest.mark.parametrize("view", ["fanout_events_per_minute", "fanout_latency"])
def test_a_bound_on_the_minute_is_served_by_its_index(
    connection: psycopg.Connection, view: str
) -> None:
    connection.execute(
        """
        INSERT INTO public.domain_events (event_type, created_at)
        SELECT 'a', now() - number * interval '1 minute' FROM generate_series(1, 10000) AS number;
        INSERT INTO public.notification_processing
            (event_id, processing_status, event_created_at, completed_at)
        SELECT id, 'completed', created_at, created_at FROM public.domain_events;
        ANALYZE public.notification_processing;
        """
    )
    explain = sql.SQL("EXPLAIN SELECT * FROM {} WHERE minute > now() - interval '1 hour'").format(
        sql.Identifier("public", view)
    )
    plan = "\n".join(line for (line,) in connection.execute(explain))
    assert "notification_processing_minute_idx" in plan
    assert "Seq Scan" not in plan


@pytest.mark.parametrize("created_at", ["infinity", "-infinity"])
def test_an_event_without_a_time_has_neither_age_nor_latency(
    connection: psycopg.Connection, created_at: str
) -> None:
    plant(connection, ago(hours=1), ago(hours=1), "completed")
    plant(connection, created_at, ago(hours=1), "completed")
    plant(connection, ago(hours=2))
    plant(connection, created_at, None, "failed")
    connection.execute("SET ROLE fanout_operator")
    assert connection.execute(
        "SELECT events, abs(p99_seconds) < 1 FROM public.fanout_latency"
    ).fetchall() == [(1, True)]
    assert connection.execute(
        "SELECT waiting, oldest_at < now(), round(oldest_seconds / 3600)"
        " FROM public.fanout_queue WHERE queue = 'events'"
    ).fetchall() == [(2, True, 2)]
