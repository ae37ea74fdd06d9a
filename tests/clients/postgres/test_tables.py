"""The check of the application's tables finds every fault, and accepts tables that work."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Final

import pytest
from psycopg.errors import FeatureNotSupported

from pipeline.clients.postgres.application import NEEDED, TABLES, ObjectKind
from pipeline.clients.postgres.check import check_database
from pipeline.clients.postgres.pool import close_pools
from pipeline.clients.postgres.tables import find_faults
from pipeline.domain.errors import ConfigurationError
from pipeline.fanout.decide import Policy
from pipeline.fanout.handlers import HANDLERS
from pipeline.ops.families import MIGRATIONS
from pipeline.ops.migrate import migrate
from pipeline.ops.seed import seed
from pipeline.runtime.catch_up import catch_up
from pipeline.settings import DatabaseSettings
from pipeline.sources.unfinished import Selection
from pipeline.topology.ends import Store
from pipeline.topology.fanout import Topology
from tests.databases import Database, Databases

# A change of the tables, and the fault that is found.
FAULTS: Final = {
    "ALTER TABLE profiles RENAME full_name TO display_name": (
        "public.profiles.full_name text is missing"
    ),
    "ALTER TABLE org_members RENAME role TO rank": "public.org_members.role text is missing",
    "ALTER TABLE domain_events DROP COLUMN meeting_id": (
        "public.domain_events.meeting_id uuid is missing"
    ),
    "ALTER TABLE projects RENAME TO deals": "public.projects is missing",
    "CREATE SCHEMA app; ALTER TABLE permissions SET SCHEMA app": (
        "public.permissions is missing; there is app.permissions"
    ),
    "CREATE SCHEMA app; ALTER TABLE notifications SET SCHEMA app": (
        "public.notifications is missing; there is app.notifications"
    ),
    "ALTER TABLE pending_emails RENAME TO mails; CREATE VIEW pending_emails AS TABLE mails": (
        "public.pending_emails is a view: expected a table"
    ),
    "ALTER TABLE profiles RENAME TO people;"
    "CREATE VIEW profiles AS SELECT DISTINCT id, full_name, email FROM people": (
        "public.profiles is a view whose rows cannot be locked: expected a view of one table"
    ),
    "CREATE TYPE kind AS ENUM ('a', 'b'); ALTER TABLE domain_events"
    " ALTER event_type TYPE kind USING 'a'": (
        "public.domain_events.event_type is the enum public.kind: expected text"
    ),
    "CREATE TYPE rank AS ENUM ('boss', 'member');"
    "ALTER TABLE org_members DROP CONSTRAINT org_members_role_check;"
    "ALTER TABLE org_members ALTER role TYPE rank USING 'boss'": (
        "public.org_members.role is the enum public.rank, which lacks 'owner'"
    ),
    "ALTER TABLE domain_events ALTER created_at TYPE timestamp": (
        "public.domain_events.created_at is timestamp without time zone: expected timestamptz"
    ),
    "ALTER TABLE domain_events ALTER payload TYPE json": (
        "public.domain_events.payload is json: expected jsonb"
    ),
    "ALTER TABLE chat_threads ALTER topic TYPE time USING NULL": (
        "public.chat_threads.topic is time without time zone: expected text"
    ),
    "ALTER TABLE notifications ADD tenant_id uuid NOT NULL": (
        "public.notifications.tenant_id uuid is NOT NULL without a default,"
        " but the pipeline writes rows without it"
    ),
    "ALTER TABLE notification_processing ALTER claimed_at SET NOT NULL": (
        "public.notification_processing.claimed_at timestamptz is NOT NULL"
        " without a default, but the pipeline writes rows without it"
    ),
    "ALTER TABLE pending_emails ALTER project_id SET NOT NULL": (
        "public.pending_emails.project_id is NOT NULL, but the pipeline writes rows without it"
    ),
    "ALTER TABLE pending_emails ALTER status DROP DEFAULT, ALTER status DROP NOT NULL": (
        "public.pending_emails.status has no default, but the pipeline writes rows without it"
    ),
    "ALTER TABLE notification_processing DROP CONSTRAINT notification_processing_pkey": (
        "public.notification_processing.event_id is not unique by itself:"
        " expected a primary key or a unique constraint"
    ),
}
FIXED_BY_A_PERSON: Final = ("RENAME TO deals", "AS TABLE mails", "DISTINCT", "TYPE time")

# Differences from the reference schema that are valid.
AS_GOOD: Final = {
    "enums where words are only compared": """
        CREATE TYPE role_ AS ENUM ('owner', 'member');
        CREATE TYPE permission_ AS ENUM ('view', 'edit', 'none');
        CREATE TYPE scope_ AS ENUM ('global', 'project', 'thread');
        CREATE TYPE channel_ AS ENUM ('*', 'in_app', 'email');
        CREATE TYPE status_ AS ENUM ('immediate', 'digest', 'muted');
        ALTER TABLE org_members DROP CONSTRAINT org_members_role_check;
        ALTER TABLE org_members ALTER role TYPE role_ USING role::role_;
        ALTER TABLE permissions DROP CONSTRAINT permissions_permission_check;
        ALTER TABLE permissions ALTER permission TYPE permission_ USING permission::permission_;
        ALTER TABLE user_notification_preferences
            DROP CONSTRAINT user_notification_preferences_scope_type_check,
            ALTER channel DROP DEFAULT, ALTER status DROP DEFAULT;
        ALTER TABLE user_notification_preferences
            ALTER scope_type TYPE scope_ USING scope_type::scope_,
            ALTER channel TYPE channel_ USING channel::channel_,
            ALTER status TYPE status_ USING status::status_;
    """,
    "ids of four bytes": """
        ALTER TABLE domain_events ALTER id TYPE integer;
        ALTER TABLE notification_processing ALTER event_id TYPE integer;
        ALTER TABLE notifications ALTER event_id TYPE integer, ALTER id TYPE integer;
        ALTER TABLE pending_emails ALTER event_id TYPE integer, ALTER id TYPE integer;
    """,
    "texts with a limit, domains, times without a zone": """
        CREATE DOMAIN email_ AS varchar(200) CHECK (VALUE <> '');
        ALTER TABLE profiles ALTER full_name TYPE varchar(200), ALTER email TYPE email_;
        ALTER TABLE domain_events ALTER event_type TYPE varchar(100);
        ALTER TABLE notifications ALTER title TYPE varchar(500);
        ALTER TABLE user_notification_preferences ALTER updated_at TYPE timestamp;
    """,
    "more columns, which a trigger or a default fills": """
        ALTER TABLE notifications ADD tenant_id uuid NOT NULL;
        CREATE FUNCTION fill() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN new.tenant_id := gen_random_uuid(); RETURN new; END $$;
        CREATE TRIGGER fill BEFORE INSERT ON notifications
        FOR EACH ROW EXECUTE FUNCTION fill();
        ALTER TABLE pending_emails ADD tenant_id uuid NOT NULL DEFAULT gen_random_uuid();
    """,
    "tables of another schema behind views": "CREATE SCHEMA app;"
    + "".join(
        f"ALTER TABLE public.{table.name} SET SCHEMA app;"
        f"CREATE VIEW public.{table.name} AS TABLE app.{table.name};"
        for table in NEEDED
        if table.kind is not ObjectKind.TABLE
    ),
}


@pytest.fixture
def application(empty_database: Database) -> Iterator[Database]:
    """The database of an application, not yet migrated."""
    with empty_database.connect() as connection:
        for path in sorted(MIGRATIONS.glob("reference/*.sql")):
            connection.execute(path.read_bytes())
    yield empty_database
    close_pools()


def seen(database: Database) -> list[str]:
    with database.connect() as connection:
        return [fault.seen for fault in find_faults(connection)]


def execute(database: Database, statement: str) -> None:
    with database.connect() as connection:
        connection.execute(statement.encode())


def process(database: Database) -> dict[str, float]:
    """Seed, process as the stream does, and return the results."""
    seed(database.dsn)
    settings = DatabaseSettings(dsn=database.writer_dsn)
    topology = Topology(database=settings, handlers=HANDLERS, policy=Policy(), ends=Store(settings))
    summary = catch_up(topology, Selection(older_than=timedelta(0)))
    return {name: number for name, number in summary.items() if name != "seconds"}


@pytest.fixture(scope="module")
def usual(databases: Databases) -> dict[str, float]:
    """The results of the sample events in the reference schema."""
    with databases.migrated() as database:
        summary = process(database)
        close_pools()
    # The sample has one event that is malformed on purpose.
    assert summary["dead"] == 1
    assert summary["notifications"] > summary["emails"] > 0
    return summary


def test_nothing_is_wrong_with_the_reference_schema_before_migrate_nor_after(
    application: Database,
) -> None:
    assert seen(application) == []
    migrate(application.dsn)
    assert seen(application) == []


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_of_the_tables_is_one_line(application: Database, fault: str) -> None:
    execute(application, fault)
    assert seen(application) == [FAULTS[fault]]


@pytest.mark.parametrize("fault", FAULTS)
def test_migrate_refuses_before_it_has_made_anything(application: Database, fault: str) -> None:
    execute(application, fault)
    with pytest.raises(ConfigurationError) as refused:
        migrate(application.dsn)
    lines = str(refused.value).splitlines()
    assert lines[1:-1] == [f"  {FAULTS[fault]}"]
    assert "--reference-schema" not in str(refused.value)
    with application.connect() as connection:
        found = connection.execute("SELECT to_regclass('public.fanout_migrations')").fetchone()
    assert found == (None,)


@pytest.mark.parametrize(
    "fault", [fault for fault in FAULTS if not any(each in fault for each in FIXED_BY_A_PERSON)]
)
def test_the_statement_that_fixes_a_fault_does(application: Database, fault: str) -> None:
    execute(application, fault)
    with application.connect() as connection:
        for found in find_faults(connection):
            assert found.fix is not None
            connection.execute(found.fix.encode())
    assert seen(application) == []


@pytest.mark.parametrize(
    "named_by",
    [
        "CREATE PUBLICATION other FOR TABLE domain_events (id, created_at)",
        "CREATE VIEW app_events AS SELECT created_at FROM domain_events",
        "CREATE POLICY recent ON domain_events USING (created_at > now())",
        (
            "CREATE TRIGGER unchanged BEFORE UPDATE OF created_at ON domain_events"
            " FOR EACH ROW EXECUTE FUNCTION suppress_redundant_updates_trigger()"
        ),
    ],
)
def test_no_statement_is_offered_where_postgres_would_refuse_it(
    application: Database, named_by: str
) -> None:
    alter = "ALTER TABLE domain_events ALTER COLUMN created_at TYPE timestamp"
    execute(application, alter)
    with application.connect() as connection:
        (free,) = find_faults(connection)
    assert free.fix is not None
    execute(application, named_by)
    with application.connect() as connection:
        (named,) = find_faults(connection)
        with pytest.raises(FeatureNotSupported):
            connection.execute(free.fix.encode())
    assert named.fix is None
    assert named.seen == f"{free.seen} (a view, a publication, a policy or a trigger names it)"


def test_event_ids_of_uuid_and_types_of_an_enum_are_told_together_with_all_else(
    application: Database,
) -> None:
    execute(
        application,
        """
        DROP TABLE unread_thread_stale_log, email_digest_processed;
        ALTER TABLE notification_processing
            DROP CONSTRAINT notification_processing_event_id_fkey,
            ALTER event_id TYPE uuid USING gen_random_uuid();
        ALTER TABLE notifications
            DROP CONSTRAINT notifications_event_id_fkey,
            ALTER event_id TYPE uuid USING gen_random_uuid();
        ALTER TABLE pending_emails
            DROP CONSTRAINT pending_emails_event_id_fkey,
            ALTER event_id TYPE uuid USING gen_random_uuid();
        ALTER TABLE domain_events
            ALTER id DROP DEFAULT, ALTER id TYPE uuid USING gen_random_uuid();
        CREATE TYPE kind AS ENUM ('document_uploaded');
        ALTER TABLE domain_events ALTER event_type TYPE kind USING event_type::kind;
        ALTER TABLE profiles RENAME full_name TO display_name
        """,
    )
    assert seen(application) == [
        "public.domain_events.id is uuid: expected bigint",
        "public.domain_events.event_type is the enum public.kind: expected text",
        "public.notification_processing.event_id is uuid: expected bigint",
        "public.notifications.event_id is uuid: expected bigint",
        "public.pending_emails.event_id is uuid: expected bigint",
        "public.profiles.full_name text is missing",
    ]


@pytest.mark.parametrize("otherwise", AS_GOOD)
def test_what_is_as_good_is_no_fault_and_works(
    application: Database, usual: dict[str, float], otherwise: str
) -> None:
    execute(application, AS_GOOD[otherwise])
    assert seen(application) == []
    migrate(application.dsn)
    assert seen(application) == []
    assert process(application) == usual


def test_a_column_of_ours_that_the_application_has_otherwise_is_told_before_it_is_needed(
    application: Database,
) -> None:
    execute(application, "CREATE TYPE kind AS ENUM ('a'); ALTER TABLE notifications ADD kind kind")
    assert seen(application) == ["public.notifications.kind is the enum public.kind: expected text"]


@pytest.mark.parametrize("role", ["writer", "operator"])
def test_the_roles_of_the_pipeline_may_look(database: Database, role: str) -> None:
    dsn = database.writer_dsn if role == "writer" else database.operator_dsn
    check_database(DatabaseSettings(dsn=dsn), tables=True)
    execute(database, "ALTER TABLE profiles RENAME full_name TO display_name")
    with pytest.raises(ConfigurationError, match=r"public\.profiles\.full_name text is missing"):
        check_database(DatabaseSettings(dsn=dsn), tables=True)
    # Commands that only read are not blocked.
    check_database(DatabaseSettings(dsn=dsn))


def test_a_database_without_any_table_is_told_apart(empty_database: Database) -> None:
    with pytest.raises(ConfigurationError, match=r"no tables of an application: .*--reference-"):
        migrate(empty_database.dsn)
    execute(empty_database, "CREATE SCHEMA shop; CREATE TABLE shop.baskets ()")
    with pytest.raises(ConfigurationError, match=r"public\.profiles is missing") as refused:
        migrate(empty_database.dsn)
    assert "--reference-schema" not in str(refused.value)
    assert len(str(refused.value).splitlines()) == len(TABLES) + 2


def test_every_table_of_the_list_is_named_once() -> None:
    assert len(set(TABLES)) == len(NEEDED) == 16
