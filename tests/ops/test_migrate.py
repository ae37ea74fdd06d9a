import shutil
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psycopg
import pytest

from local.postgres import Postgres
from pipeline.domain.errors import ConfigurationError, TransientError
from pipeline.ops.families import KERNEL, MIGRATIONS
from pipeline.ops.migrate import CREATES, migrate, pending
from tests.databases import Database, scratch_cluster

_TOP_LEVEL = [path.name for path in sorted(MIGRATIONS.glob("*.sql"))]
OURS = [*_TOP_LEVEL, *(name for name in KERNEL if name not in _TOP_LEVEL)]
REFERENCE = [f"reference/{path.name}" for path in sorted(MIGRATIONS.glob("reference/*.sql"))]

CATALOG = """
    SELECT 'column', attrelid::regclass::text, attname || ' ' || atttypid::regtype || attnotnull
    FROM pg_attribute JOIN pg_class ON pg_class.oid = attrelid
    WHERE relnamespace = 'public'::regnamespace AND attnum > 0
    UNION ALL
    SELECT 'acl', oid::regclass::text, coalesce(relacl::text, '') || relrowsecurity
    FROM pg_class WHERE relnamespace = 'public'::regnamespace
    UNION ALL
    SELECT 'constraint', conrelid::regclass::text, conname || pg_get_constraintdef(oid)
    FROM pg_constraint WHERE connamespace = 'public'::regnamespace
    UNION ALL
    SELECT 'index', tablename, indexdef FROM pg_indexes WHERE schemaname = 'public'
    UNION ALL
    SELECT 'policy', polrelid::regclass::text, polname || polroles::text FROM pg_policy
    UNION ALL
    SELECT 'function', oid::regprocedure::text, pg_get_functiondef(oid)
    FROM pg_proc WHERE pronamespace = 'public'::regnamespace
    UNION ALL
    SELECT 'publication', pubname, tablename FROM pg_publication_tables
    UNION ALL
    SELECT 'applied', name, checksum || applied_at FROM public.fanout_migrations
    ORDER BY 1, 2, 3
"""


@pytest.fixture
def application(empty_database: Database) -> Database:
    """An application's database without our tables, with one event of one project."""
    with empty_database.connect() as connection:
        for path in sorted(MIGRATIONS.glob("reference/*.sql")):
            connection.execute(path.read_bytes())
        connection.execute(
            """
            INSERT INTO auth.users (id) VALUES ('a0000000-0000-4000-8000-000000000001');
            INSERT INTO public.profiles (id, full_name, email, app_role) VALUES
                ('a0000000-0000-4000-8000-000000000001', 'Ida', 'ida@example.test', 'borrower');
            INSERT INTO public.domain_events (event_type) VALUES
                ('document_uploaded'), ('chat_message_sent'), ('chat_message_sent');
            """
        )
    return empty_database


@pytest.fixture
def fresh_cluster() -> Iterator[Postgres]:
    """A cluster without our roles."""
    with scratch_cluster() as cluster:
        yield cluster


@pytest.fixture
def migrations(tmp_path: Path) -> Path:
    """A copy of the migrations that a test may change."""
    return Path(shutil.copytree(MIGRATIONS, tmp_path / "migrations"))


def rows(database: Database, query: str) -> list[tuple[object, ...]]:
    with database.connect() as connection:
        return connection.execute(query.encode()).fetchall()


def notify(database: Database, event_id: int, payload: str, read_at: str | None = None) -> int:
    with database.connect() as connection:
        row = connection.execute(
            "INSERT INTO public.notifications (user_id, event_id, title, payload, read_at) "
            "SELECT id, %s, 'as it was', %s, %s FROM public.profiles WHERE full_name = 'Ida' "
            "RETURNING id",
            [event_id, payload, read_at],
        ).fetchone()
    assert row is not None
    return int(row[0])


def test_an_empty_database_gets_the_reference_schema_first_and_then_ours(
    empty_database: Database,
) -> None:
    lines: list[str] = []
    applied = migrate(empty_database.dsn, reference_schema=True, report=lines.append)
    assert applied == [*REFERENCE, *OURS]
    assert [line.split()[1] for line in lines] == applied
    assert pending(empty_database.dsn) == []


def test_the_second_run_applies_nothing_and_changes_nothing(database: Database) -> None:
    before = rows(database, CATALOG)
    assert migrate(database.dsn, reference_schema=True) == []
    assert migrate(database.dsn) == []
    assert rows(database, CATALOG) == before
    assert len(before) > 100


def test_asking_what_is_pending_changes_nothing(application: Database) -> None:
    assert pending(application.dsn) == OURS
    assert rows(application, "SELECT to_regclass('public.fanout_migrations')") == [(None,)]


def test_runs_at_the_same_time_apply_each_file_once(empty_database: Database) -> None:
    with ThreadPoolExecutor(4) as threads:
        runs = [
            threads.submit(migrate, empty_database.dsn, reference_schema=True) for _ in range(4)
        ]
    applied = [name for run in runs for name in run.result()]
    assert sorted(applied) == sorted([*REFERENCE, *OURS])


def test_two_databases_of_a_cluster_without_our_roles_can_be_migrated_at_the_same_time(
    fresh_cluster: Postgres,
) -> None:
    names = [f"application_{number}" for number in range(4)]
    with psycopg.connect(fresh_cluster.dsn(), autocommit=True) as connection:
        for name in names:
            connection.execute(f"CREATE DATABASE {name}".encode())
    with ThreadPoolExecutor(len(names)) as threads:
        runs = [
            threads.submit(migrate, fresh_cluster.dsn(database=name), reference_schema=True)
            for name in names
        ]
    assert all(run.result() == [*REFERENCE, *OURS] for run in runs)


def test_a_user_who_may_not_create_roles_is_told_which_to_have_created(
    fresh_cluster: Postgres,
) -> None:
    with psycopg.connect(fresh_cluster.dsn(), autocommit=True) as connection:
        connection.execute("CREATE ROLE plain LOGIN PASSWORD 'plain'")
        connection.execute("CREATE DATABASE application OWNER plain")
    dsn = fresh_cluster.dsn(database="application", user="plain", password="plain")  # noqa: S106
    with pytest.raises(ConfigurationError, match="CREATE ROLE fanout_cdc NOLOGIN REPLICATION"):
        migrate(dsn, reference_schema=True)
    with psycopg.connect(fresh_cluster.dsn(), autocommit=True) as connection:
        connection.execute("CREATE ROLE fanout_cdc NOLOGIN REPLICATION")
        connection.execute("CREATE ROLE fanout_writer NOLOGIN")
        connection.execute("CREATE ROLE fanout_operator NOLOGIN")
        connection.execute("CREATE ROLE fanout_viewer NOLOGIN")
    assert migrate(dsn)[0] == "0008_roles.sql"


def test_a_database_without_an_application_is_left_alone_and_offered_sample_tables(
    empty_database: Database,
) -> None:
    with pytest.raises(ConfigurationError, match=r"no tables of an application.*--reference-sche"):
        migrate(empty_database.dsn)
    assert rows(empty_database, "SELECT to_regclass('public.fanout_migrations')") == [(None,)]


def test_the_reference_schema_is_refused_where_the_application_is(application: Database) -> None:
    with pytest.raises(ConfigurationError, match="remove --reference-schema"):
        migrate(application.dsn, reference_schema=True)
    assert rows(application, "SELECT to_regclass('public.fanout_migrations')") == [(None,)]


def test_the_reference_schema_is_refused_before_its_first_file_where_one_table_is_there(
    empty_database: Database,
) -> None:
    with empty_database.connect() as connection:
        connection.execute("CREATE TABLE public.domain_events (id uuid)")
    with pytest.raises(
        ConfigurationError, match=r"already exist \(public\.domain_events\): remove"
    ):
        migrate(empty_database.dsn, reference_schema=True)
    assert rows(empty_database, "SELECT to_regclass('public.profiles')") == [(None,)]


def test_a_reference_schema_that_was_broken_off_is_gone_on_with(
    empty_database: Database, migrations: Path
) -> None:
    third = migrations / REFERENCE[2]
    whole = third.read_text()
    third.write_text("SELECT 1 / 0")
    with pytest.raises(ConfigurationError, match="division by zero"):
        migrate(empty_database.dsn, reference_schema=True, directory=migrations)
    third.write_text(whole)
    assert migrate(empty_database.dsn, reference_schema=True, directory=migrations) == [
        *REFERENCE[2:],
        *OURS,
    ]


def test_a_table_of_the_application_with_a_name_of_ours_is_told_before_anything_is_made(
    application: Database,
) -> None:
    with application.connect() as connection:
        connection.execute(
            "CREATE TABLE event_dead_letters (); CREATE VIEW fanout_queue AS TABLE orgs"
        )
    with pytest.raises(
        ConfigurationError,
        match=r"them: public\.event_dead_letters, public\.fanout_queue; rename",
    ):
        migrate(application.dsn)
    assert rows(application, "SELECT to_regclass('public.fanout_migrations')") == [(None,)]


def test_every_table_and_view_that_our_files_make_is_seen_in_them(application: Database) -> None:
    relations = (
        "SELECT oid::regclass::text FROM pg_class"
        " WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p', 'v', 'm')"
    )
    before = {name for (name,) in rows(application, relations)}
    migrate(application.dsn)
    made = {str(name) for (name,) in rows(application, relations)} - before
    seen = {
        match[1].decode().removeprefix("public.")
        for path in MIGRATIONS.glob("*.sql")
        for match in CREATES.finditer(path.read_bytes())
    }
    assert made == seen | {"fanout_migrations"}


def test_an_applied_file_must_not_change(database: Database, migrations: Path) -> None:
    changed = migrations / OURS[0]
    changed.write_text(changed.read_text() + "\nSELECT 1;\n")
    with pytest.raises(ConfigurationError, match=f"{OURS[0]} was changed after"):
        migrate(database.dsn, directory=migrations)


def test_a_file_that_fails_leaves_nothing_and_the_next_run_goes_on_from_it(
    database: Database, migrations: Path
) -> None:
    broken = migrations / "9001_broken.sql"
    broken.write_text("CREATE TABLE public.half_way (); SELECT 1 / 0;")
    with pytest.raises(ConfigurationError, match=r"9001_broken\.sql: division by zero"):
        migrate(database.dsn, directory=migrations)
    assert rows(database, "SELECT to_regclass('public.half_way')") == [(None,)]
    broken.write_text("CREATE TABLE public.half_way ();")
    assert migrate(database.dsn, directory=migrations) == [broken.name]


def test_a_table_in_use_is_given_way_to_and_not_waited_for(
    application: Database, migrations: Path
) -> None:
    # A shorter lock timeout than usual keeps the test short.
    first = migrations / OURS[0]
    first.write_text("SET LOCAL lock_timeout = '50ms';" + first.read_text())
    with application.connect() as reader, reader.transaction():
        reader.execute("SELECT FROM public.notification_processing")
        with pytest.raises(TransientError, match="in use, run migrate again"):
            migrate(application.dsn, directory=migrations)
    assert OURS[-1] in migrate(application.dsn, directory=migrations)


def test_an_unreachable_database_is_one_readable_line(postgres: Postgres) -> None:
    with pytest.raises(ConfigurationError, match="Postgres cannot be reached") as failure:
        migrate(postgres.dsn(database="nowhere"))
    assert "\n" not in str(failure.value)


def test_duplicate_notifications_are_kept_and_one_of_them_gets_the_key(
    application: Database,
) -> None:
    uploads = [notify(application, 1, "{}") for _ in range(3)]
    typed = notify(application, 1, '{"type": "mention"}')
    before = rows(application, "SELECT * FROM public.notifications ORDER BY id")
    migrate(application.dsn)
    after = rows(application, "SELECT * FROM public.notifications ORDER BY id")
    assert [row[: len(before[0])] for row in after] == before
    assert rows(application, "SELECT id, kind FROM public.notifications ORDER BY id") == [
        (uploads[0], "document_uploaded"),
        (uploads[1], None),
        (uploads[2], None),
        (typed, "mention"),
    ]


def test_of_two_open_counters_the_newest_is_the_one_that_counts_on(application: Database) -> None:
    thread = "7e000000-0000-4000-8000-000000000001"
    activity = f'{{"type": "thread_activity", "thread_id": "{thread}", "count": 2}}'
    older = notify(application, 2, activity)
    newest = notify(application, 3, activity)
    was_read = notify(application, 3, activity, read_at="2026-01-01")
    odd = notify(application, 3, '{"type": "thread_activity", "thread_id": "general"}')
    migrate(application.dsn)
    query = "SELECT id, counter_thread_id::text, payload ->> 'count' FROM public.notifications"
    assert rows(application, f"{query} ORDER BY id") == [
        (older, None, "2"),
        (newest, thread, "2"),
        (was_read, None, "2"),
        (odd, None, None),
    ]


def test_a_stuck_event_stays_stuck_until_the_pipeline_finishes_it(application: Database) -> None:
    with application.connect() as connection:
        connection.execute(
            "INSERT INTO public.notification_processing (event_id, processing_status, claimed_at) "
            "VALUES (1, 'processing', '2026-01-01')"
        )
    columns = "event_id, processing_status, claimed_at, processor_id, retry_count, created_at"
    query = f"SELECT {columns} FROM public.notification_processing"  # noqa: S608
    before = rows(application, query)
    migrate(application.dsn)
    assert rows(application, query) == before


@pytest.mark.parametrize("status", ["expired", "unrouted", "dead"])
def test_the_ledger_takes_the_new_final_states_whatever_its_constraint_was_called(
    application: Database, status: str
) -> None:
    with application.connect() as connection:
        connection.execute(
            "ALTER TABLE public.notification_processing RENAME CONSTRAINT "
            "notification_processing_processing_status_check TO valid_states"
        )
        migrate(application.dsn)
        insert = "INSERT INTO public.notification_processing (event_id, processing_status) "
        connection.execute(insert + "VALUES (1, %s)", [status])
        with pytest.raises(psycopg.errors.CheckViolation):
            connection.execute(insert + "VALUES (2, 'lost')")


def test_an_application_that_lost_its_email_key_gets_it_back(application: Database) -> None:
    with application.connect() as connection:
        connection.execute(
            "ALTER TABLE public.pending_emails DROP CONSTRAINT pending_emails_event_id_user_id_key"
        )
    migrate(application.dsn)
    assert email_keys(application) == ["pending_emails_event_user_key"]


def test_an_application_that_has_its_email_key_gets_no_second_one(database: Database) -> None:
    assert email_keys(database) == ["pending_emails_event_id_user_id_key"]


def email_keys(database: Database) -> list[object]:
    query = """
        SELECT indexrelid::regclass::text FROM pg_index
        WHERE indrelid = 'public.pending_emails'::regclass AND indisunique AND NOT indisprimary
    """
    return [name for (name,) in rows(database, query)]


def test_duplicate_emails_are_left_to_a_person(application: Database) -> None:
    with application.connect() as connection:
        connection.execute(
            "ALTER TABLE public.pending_emails DROP CONSTRAINT pending_emails_event_id_user_id_key"
        )
        connection.execute(
            "INSERT INTO public.pending_emails "
            "(user_id, event_id, event_type, delivery_type, subject, body_data) "
            "SELECT id, 1, 'document_uploaded', 'immediate', 'twice', '{}' "
            "FROM public.profiles, generate_series(1, 2) WHERE full_name = 'Ida'"
        )
    with pytest.raises(ConfigurationError, match=r"more than one e-mail .* HAVING count") as error:
        migrate(application.dsn)
    assert "a0000000" not in str(error.value)
    assert rows(application, "SELECT count(*) FROM public.pending_emails") == [(2,)]


def test_an_index_left_invalid_by_a_failed_build_is_not_taken_for_the_key(
    application: Database, migrations: Path
) -> None:
    for name in OURS[OURS.index("0003_backfill.sql") :]:
        (migrations / name).unlink()
    migrate(application.dsn, directory=migrations)
    for _ in range(2):
        notify(application, 1, "{}")
    with application.connect() as connection:
        connection.execute("UPDATE public.notifications SET kind = 'document_uploaded'")
        with pytest.raises(psycopg.errors.UniqueViolation):
            connection.execute(
                "CREATE UNIQUE INDEX CONCURRENTLY notifications_event_user_kind_key "
                "ON public.notifications (event_id, user_id, kind)"
            )
    with pytest.raises(ConfigurationError, match="notifications_event_user_kind_key; drop it"):
        migrate(application.dsn)


def test_change_data_capture_sees_inserted_events_and_heartbeats_only(database: Database) -> None:
    assert rows(
        database,
        """
        SELECT schemaname || '.' || tablename, pubinsert, pubupdate, pubdelete, pubtruncate
        FROM pg_publication_tables JOIN pg_publication USING (pubname)
        WHERE pubname = 'fanout_events' ORDER BY 1
        """,
    ) == [
        ("activity.notifications", True, False, False, False),
        ("fanout.deliveries", True, False, False, False),
        ("public.domain_events", True, False, False, False),
        ("public.fanout_heartbeat", True, False, False, False),
    ]


def test_events_without_a_ledger_row_are_found_by_index(database: Database) -> None:
    with database.connect() as connection:
        connection.execute(
            """
            INSERT INTO public.domain_events (event_type, created_at)
            SELECT 'document_uploaded', now() - number * interval '1 minute'
            FROM generate_series(1, 20000) AS number;
            INSERT INTO public.notification_processing (event_id, processing_status)
            SELECT id, 'completed' FROM public.domain_events WHERE id % 1000 <> 0;
            ANALYZE public.domain_events, public.notification_processing;
            """
        )
        plan = connection.execute(
            """
            EXPLAIN SELECT id FROM public.domain_events AS event
            WHERE event.created_at > now() - interval '1 hour'
                AND NOT EXISTS (
                    SELECT FROM public.notification_processing WHERE event_id = event.id)
            """
        ).fetchall()
    assert not [line for (line,) in plan if "Seq Scan" in line]


def test_what_the_application_grants_to_everyone_does_not_open_our_tables(
    application: Database,
) -> None:
    anonymous = f"anonymous_{application.name}"
    with application.connect() as connection:
        connection.execute(f"CREATE ROLE {anonymous}".encode())
        connection.execute(
            f"ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT ALL ON TABLES TO {anonymous}".encode()
        )
        migrate(application.dsn)
        connection.execute("INSERT INTO public.fanout_heartbeat DEFAULT VALUES")
        connection.execute(f"SET ROLE {anonymous}".encode())
        assert connection.execute("SELECT * FROM public.fanout_heartbeat").fetchall() == []
        with pytest.raises(psycopg.errors.InsufficientPrivilege, match="row-level security"):
            connection.execute("INSERT INTO public.fanout_heartbeat DEFAULT VALUES")
        connection.execute("RESET ROLE")
        connection.execute(f"DROP OWNED BY {anonymous}".encode())
        connection.execute(f"DROP ROLE {anonymous}".encode())
