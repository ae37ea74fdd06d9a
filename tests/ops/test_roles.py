from collections.abc import Iterator

import psycopg
import pytest

from tests.databases import Database

ROLES = ("fanout_cdc", "fanout_writer", "fanout_operator")
READ_BY_BOTH = (
    "chat_thread_participants",
    "chat_threads",
    "domain_events",
    "event_dead_letters",
    "fanout_heartbeat",
    "fanout_migrations",
    "fanout_replays",
    "meeting_participants",
    "meetings",
    "notification_decisions",
    "notification_processing",
    "notifications",
    "org_members",
    "orgs",
    "pending_emails",
    "permissions",
    "profiles",
    "project_access_grants",
    "projects",
    "resources",
    "user_notification_preferences",
)
WRITES = {
    ("fanout_cdc", "fanout_heartbeat", "INSERT"),
    ("fanout_cdc", "fanout_heartbeat", "DELETE"),
    ("fanout_writer", "notification_processing", "INSERT"),
    ("fanout_writer", "notification_processing", "UPDATE"),
    ("fanout_writer", "event_dead_letters", "INSERT"),
    ("fanout_writer", "event_dead_letters", "UPDATE"),
    ("fanout_writer", "notifications", "INSERT"),
    ("fanout_writer", "pending_emails", "INSERT"),
    ("fanout_writer", "notification_decisions", "INSERT"),
}
COLUMN_UPDATES = {
    ("fanout_writer", "notifications", "title"),
    ("fanout_writer", "notifications", "body"),
    ("fanout_writer", "notifications", "payload"),
    ("fanout_writer", "notifications", "created_at"),
    ("fanout_operator", "notification_processing", "processing_status"),
    ("fanout_operator", "notification_processing", "reason"),
    ("fanout_operator", "notification_processing", "error_message"),
    ("fanout_operator", "notification_processing", "retry_count"),
    ("fanout_operator", "event_dead_letters", "resolved_at"),
    ("fanout_operator", "event_dead_letters", "resolution"),
    ("fanout_operator", "fanout_replays", "finished_at"),
    ("fanout_operator", "fanout_replays", "published"),
    ("fanout_operator", "fanout_replays", "result"),
}


@pytest.fixture
def one_notification(database: Database) -> Database:
    """A database with an event and its notification to one person."""
    with database.connect() as connection:
        connection.execute(
            """
            INSERT INTO auth.users (id) VALUES ('a0000000-0000-4000-8000-000000000001');
            INSERT INTO public.profiles (id, email, app_role) VALUES
                ('a0000000-0000-4000-8000-000000000001', 'ida@example.test', 'borrower');
            INSERT INTO public.domain_events (event_type) VALUES ('document_uploaded');
            INSERT INTO public.notifications (user_id, event_id, title, kind)
            SELECT profiles.id, domain_events.id, 'hello', 'document_uploaded'
            FROM public.profiles, public.domain_events WHERE email = 'ida@example.test';
            """
        )
    return database


@pytest.fixture
def writer(one_notification: Database) -> Iterator[psycopg.Connection]:
    """The pipeline's connection to it."""
    with psycopg.connect(one_notification.writer_dsn, autocommit=True) as connection:
        yield connection


def test_each_role_has_these_verbs_on_these_tables_and_no_other(database: Database) -> None:
    with database.connect() as connection:
        granted = connection.execute(
            """
            SELECT role, relname, verb
            FROM pg_class, unnest(%s::text[]) AS role,
                unnest('{SELECT,INSERT,UPDATE,DELETE,TRUNCATE,REFERENCES,TRIGGER}'::text[]) AS verb
            WHERE relnamespace IN ('public'::regnamespace, 'auth'::regnamespace)
                AND relkind = 'r' AND has_table_privilege(role, pg_class.oid, verb)
            """,
            [list(ROLES)],
        ).fetchall()
    reads = {
        (role, table, "SELECT")
        for role in ("fanout_writer", "fanout_operator")
        for table in READ_BY_BOTH
    } | {("fanout_cdc", table, "SELECT") for table in ("domain_events", "fanout_heartbeat")}
    assert set(granted) == reads | WRITES


def test_each_role_may_update_these_columns_beyond_its_tables_and_no_other(
    database: Database,
) -> None:
    with database.connect() as connection:
        granted = connection.execute(
            """
            SELECT role, relname, attname
            FROM pg_class JOIN pg_attribute ON attrelid = pg_class.oid,
                unnest(%s::text[]) AS role
            WHERE relnamespace IN ('public'::regnamespace, 'auth'::regnamespace)
                AND relkind = 'r' AND attnum > 0 AND NOT attisdropped
                AND has_column_privilege(role, pg_class.oid, attnum, 'UPDATE')
                AND NOT has_table_privilege(role, pg_class.oid, 'UPDATE')
            """,
            [list(ROLES)],
        ).fetchall()
    assert set(granted) == COLUMN_UPDATES


def test_no_role_may_change_a_definition_or_log_in(database: Database) -> None:
    with database.connect() as connection:
        assert (
            connection.execute(
                """
                SELECT rolname FROM pg_roles
                WHERE rolname = ANY (%s) AND (
                    rolcanlogin OR rolsuper OR rolcreatedb OR rolcreaterole OR rolbypassrls
                    OR has_schema_privilege(oid, 'public', 'CREATE'))
                """,
                [list(ROLES)],
            ).fetchall()
            == []
        )


def test_the_pipeline_may_count_on_in_a_notification_but_not_mark_it_read(
    writer: psycopg.Connection,
) -> None:
    counted = writer.execute("UPDATE public.notifications SET title = 'two', created_at = now()")
    assert counted.rowcount == 1
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        writer.execute("UPDATE public.notifications SET read_at = now()")


def test_the_pipeline_may_write_every_row_that_follows_from_an_event(
    writer: psycopg.Connection,
) -> None:
    writer.execute(
        """
        WITH origin AS (
            SELECT notifications.event_id, notifications.user_id FROM public.notifications
        ),
        ledger AS (
            INSERT INTO public.notification_processing (event_id, processing_status)
            SELECT event_id, 'completed' FROM origin
            ON CONFLICT (event_id) DO UPDATE SET processing_status = excluded.processing_status
            WHERE notification_processing.processing_status <> 'completed'
        ),
        told AS (
            INSERT INTO public.notifications (event_id, user_id, title, kind)
            SELECT event_id, user_id, 'hello', 'mention' FROM origin
            ON CONFLICT (event_id, user_id, kind) DO NOTHING
        ),
        mailed AS (
            INSERT INTO public.pending_emails
                (event_id, user_id, event_type, delivery_type, subject, body_data)
            SELECT event_id, user_id, 'document_uploaded', 'immediate', 'hello', '{}' FROM origin
            ON CONFLICT (event_id, user_id) DO NOTHING
        )
        INSERT INTO public.notification_decisions (event_id, user_id, channel, reason)
        SELECT event_id, user_id, 'email', 'muted:global' FROM origin
        ON CONFLICT (event_id, user_id, channel) DO NOTHING
        """
    )
    written = writer.execute(
        """
        SELECT (SELECT count(*) FROM public.notification_processing),
               (SELECT count(*) FROM public.notifications),
               (SELECT count(*) FROM public.pending_emails),
               (SELECT count(*) FROM public.notification_decisions)
        """
    ).fetchone()
    assert written == (1, 2, 1, 1)


@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM public.notifications",
        "UPDATE public.pending_emails SET status = 'pending'",
        "INSERT INTO public.domain_events (event_type) VALUES ('forged')",
        "SELECT * FROM auth.users",
        "CREATE TABLE public.anything ()",
    ],
)
def test_the_pipeline_may_not(writer: psycopg.Connection, statement: str) -> None:
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        writer.execute(statement.encode())


def test_row_security_of_the_application_hides_nothing_from_the_pipeline(
    one_notification: Database, writer: psycopg.Connection
) -> None:
    with one_notification.connect() as owner:
        for table in READ_BY_BOTH:
            owner.execute(f"ALTER TABLE public.{table} ENABLE ROW LEVEL SECURITY".encode())
    assert writer.execute("SELECT event_type FROM public.domain_events").fetchall() == [
        ("document_uploaded",)
    ]
    writer.execute(
        "INSERT INTO public.notifications (event_id, user_id, title, kind) "
        "SELECT event_id, user_id, 'again', 'mention' FROM public.notifications"
    )
    updated = writer.execute("UPDATE public.notifications SET title = 'seen'")
    assert updated.rowcount == 2


def test_change_data_capture_may_open_a_slot_and_beat(database: Database) -> None:
    with psycopg.connect(database.cdc_dsn, autocommit=True) as connection:
        connection.execute("INSERT INTO public.fanout_heartbeat DEFAULT VALUES")
        connection.execute(
            "DELETE FROM public.fanout_heartbeat WHERE beat_at < now() - interval '1 hour'"
        )
        connection.execute(
            "SELECT pg_create_logical_replication_slot('test_roles', 'pgoutput', true)"
        )
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute("SELECT * FROM public.profiles")


def test_an_operator_may_close_a_dead_letter_and_reopen_its_event(
    one_notification: Database,
) -> None:
    with one_notification.connect() as owner:
        owner.execute(
            """
            INSERT INTO public.notification_processing (event_id, processing_status)
            SELECT id, 'dead' FROM public.domain_events;
            INSERT INTO public.event_dead_letters
                (letter_key, stage, error_class, message, fingerprint)
            VALUES ('event:1', 'decide', 'HandlerFailed', 'a bug', 'f00d');
            """
        )
    with psycopg.connect(one_notification.operator_dsn, autocommit=True) as operator:
        closed = operator.execute(
            "UPDATE public.event_dead_letters SET resolved_at = now(), resolution = 'replayed'"
        )
        reopened = operator.execute(
            "UPDATE public.notification_processing SET processing_status = 'pending'"
        )
        assert (closed.rowcount, reopened.rowcount) == (1, 1)
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            operator.execute("INSERT INTO public.notifications DEFAULT VALUES")
