"""What logins in the three roles can and cannot do; docs/rights.md has all their rights."""

from collections.abc import Iterator
from typing import Final

import psycopg
import pytest

from pipeline.ops.families import MIGRATIONS
from tests.databases import Database

LEAST_RIGHTS: Final = MIGRATIONS / "0013_least_rights.sql"


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
    """A connection with the pipeline's role."""
    with psycopg.connect(one_notification.writer_dsn, autocommit=True) as connection:
        yield connection


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
        "UPDATE public.notification_processing SET event_id = event_id",
        "UPDATE public.event_dead_letters SET letter_key = letter_key",
        "INSERT INTO public.domain_events (event_type) VALUES ('forged')",
        "SELECT * FROM auth.users",
        "SELECT * FROM public.meetings",
        "SELECT * FROM public.orgs",
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
        owner.execute(
            """
            DO $$
            DECLARE
                every text;
            BEGIN
                FOR every IN SELECT tablename FROM pg_tables WHERE schemaname = 'public' LOOP
                    EXECUTE format('ALTER TABLE public.%I ENABLE ROW LEVEL SECURITY', every);
                END LOOP;
            END
            $$
            """
        )
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


def test_a_login_gets_replication_from_no_role(database: Database) -> None:
    create_slot = "SELECT pg_create_logical_replication_slot('test_roles', 'pgoutput', true)"
    with database.connect() as owner, owner.transaction(force_rollback=True):
        owner.execute("CREATE ROLE test_bare LOGIN IN ROLE fanout_cdc")
        owner.execute("SET LOCAL ROLE test_bare")
        owner.execute("INSERT INTO public.fanout_heartbeat DEFAULT VALUES")
        with pytest.raises(psycopg.errors.InsufficientPrivilege, match="replication slots"):
            owner.execute(create_slot)


def test_an_operator_may_close_a_dead_letter_but_not_change_what_became_of_its_event(
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
        assert closed.rowcount == 1
        for state in ("pending", "completed"):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                operator.execute(
                    "UPDATE public.notification_processing SET processing_status = %s", [state]
                )
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            operator.execute("INSERT INTO public.notifications DEFAULT VALUES")


def test_a_policy_of_the_application_over_what_the_pipeline_may_not_read_costs_it_nothing(
    one_notification: Database, writer: psycopg.Connection
) -> None:
    with one_notification.connect() as owner:
        owner.execute(
            """
            ALTER TABLE public.domain_events ENABLE ROW LEVEL SECURITY;
            CREATE POLICY of_the_application ON public.domain_events
                USING (EXISTS (SELECT FROM public.orgs JOIN public.meetings USING (id)));
            """
        )
        read = "SELECT event_type FROM public.domain_events"
        assert writer.execute(read.encode()).fetchall() == [("document_uploaded",)]
        owner.execute("DROP POLICY fanout_writer ON public.domain_events")
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            writer.execute(read.encode())


def test_rights_are_taken_back_whether_or_not_there_is_something_to_take(
    database: Database,
) -> None:
    has = "SELECT has_table_privilege('fanout_writer', 'public.meetings', 'SELECT')"
    policies = (
        "SELECT polname FROM pg_policy"
        " WHERE polrelid = 'public.meetings'::regclass AND polname <> 'fanout_jobs'"
    )
    with database.connect() as owner:
        owner.execute(
            """
            GRANT SELECT ON public.meetings TO fanout_writer;
            CREATE POLICY fanout_writer ON public.meetings TO fanout_writer USING (true);
            DROP TABLE public.orgs CASCADE;
            """
        )
        assert owner.execute(has.encode()).fetchone() == (True,)
        for _ in range(2):
            owner.execute(LEAST_RIGHTS.read_bytes())
            assert owner.execute(has.encode()).fetchone() == (False,)
            assert owner.execute(policies.encode()).fetchall() == []
