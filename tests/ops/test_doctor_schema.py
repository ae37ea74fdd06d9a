"""Doctor on a database: it finds faults of schema, publication and roles, and its fixes work."""

import re
from typing import Final

import pytest
from psycopg import sql

from pipeline.ops.doctor.check import Severity, ok
from pipeline.ops.doctor.rights.words import (
    CDC,
    JOBS,
    OPERATOR,
    PUSH,
    REACTIONS,
    SENDER,
    VIEWER,
    WRITER,
)
from pipeline.ops.families import MIGRATIONS, Family
from pipeline.ops.migrate import migrate
from tests.databases import Database, Databases
from tests.ops.examination import BY_NAME, found

SET: Final = """
    DO $$ BEGIN
        EXECUTE format('ALTER DATABASE %I SET SETTING', current_database());
    END $$
"""
OFF: Final = SET.replace("SETTING", "synchronous_commit = off")
READ_ONLY: Final = SET.replace("SETTING", "default_transaction_read_only = on")

# A migration's statements about rights, including DO blocks.
GRANTS: Final = re.compile(
    r"^(?:(?:GRANT|REVOKE)\b[^;]*;|DO \$\$.*?^\$\$;)", re.MULTILINE | re.DOTALL
)

# The check, the planted fault, and words of the finding.
FAILURES: Final = [
    (
        "tables",
        "ALTER TABLE profiles DROP full_name; ALTER TABLE notifications ADD tenant uuid NOT NULL",
        "public.profiles.full_name text is missing",
    ),
    (
        "tables",
        "CREATE SCHEMA app; ALTER TABLE permissions SET SCHEMA app",
        "public.permissions is missing; there is app.permissions",
    ),
    (
        "tables",
        "ALTER TABLE pending_emails ALTER body_data TYPE json",
        "public.pending_emails.body_data is json: expected jsonb",
    ),
    ("publication", "DROP PUBLICATION fanout_events", "no publication"),
    ("publication", "ALTER PUBLICATION fanout_events ADD TABLE orgs", "public.orgs"),
    (
        "publication",
        "DROP PUBLICATION fanout_events; CREATE PUBLICATION fanout_events FOR ALL TABLES",
        " more",
    ),
    (
        "publication",
        "ALTER PUBLICATION fanout_events SET TABLES IN SCHEMA public",
        " more",
    ),
    ("publication", "ALTER PUBLICATION fanout_events SET (publish = 'update')", "no inserts"),
    (
        "events table",
        "ALTER TABLE domain_events RENAME TO domain_events_old",
        "the views read public.domain_events_old",
    ),
    (
        "events table",
        "ALTER TABLE domain_events RENAME TO domain_events_old; CREATE TABLE domain_events ()",
        "use public.domain_events_old, not public.domain_events",
    ),
    (
        "publication",
        "ALTER PUBLICATION fanout_events DROP TABLE fanout_heartbeat",
        "publishes activity.notifications, fanout.deliveries, public.domain_events",
    ),
    (
        "publication",
        "ALTER PUBLICATION fanout_events SET (publish = 'insert, delete')",
        "other changes",
    ),
    (
        "publication",
        "ALTER PUBLICATION fanout_events SET TABLE domain_events WHERE (id > 9), fanout_heartbeat",
        "not all rows of public.domain_events",
    ),
    (
        "publication",
        "ALTER PUBLICATION fanout_events SET TABLE domain_events (id), fanout_heartbeat",
        "not the columns created_at",
    ),
    (
        "publication",
        (
            "ALTER PUBLICATION fanout_events SET TABLE domain_events, fanout_heartbeat,"
            " fanout.deliveries, activity.notifications"
        ),
        "other columns of activity.notifications, fanout.deliveries",
    ),
    (
        "migrations",
        "DELETE FROM fanout_migrations WHERE name LIKE '0012%'",
        "1 not applied, the first is 0012_views.sql",
    ),
    (
        "writer rights",
        "REVOKE INSERT ON notifications FROM fanout_writer",
        "missing: INSERT ON public.notifications",
    ),
    (
        "writer rights",
        "REVOKE UPDATE (retry_count) ON notification_processing FROM fanout_writer",
        "missing: UPDATE (retry_count) ON public.notification_processing",
    ),
    (
        "cdc rights",
        "REVOKE SELECT ON domain_events FROM fanout_cdc",
        "missing: SELECT ON public.domain_events",
    ),
    (
        "operator rights",
        "REVOKE UPDATE (resolution) ON event_dead_letters FROM fanout_operator",
        "missing: UPDATE (resolution) ON public.event_dead_letters",
    ),
    (
        "operator rights",
        "REVOKE INSERT, UPDATE ON ALL TABLES IN SCHEMA public FROM fanout_operator",
        "more",
    ),
    (
        "producer rights",
        "REVOKE EXECUTE ON FUNCTION fanout.queue_notification FROM fanout_producer",
        "missing: EXECUTE ON FUNCTION fanout.queue_notification(text,",
    ),
    (
        "producer rights",
        "REVOKE USAGE ON SCHEMA fanout FROM fanout_producer",
        "USAGE ON SCHEMA fanout",
    ),
    (
        "row security",
        "DROP POLICY fanout_writer ON profiles",
        "hides rows of profiles for fanout_w",
    ),
    (
        "row security",
        "ALTER POLICY fanout_writer ON profiles USING (app_role = 'borrower')",
        "hides rows of profiles for fanout_writer",
    ),
]
WARNINGS: Final = [
    (
        "writer rights",
        "GRANT DELETE ON notifications TO fanout_writer",
        "not needed: DELETE ON public.notifications",
    ),
    (
        "writer rights",
        "GRANT UPDATE (read_at) ON notifications TO fanout_writer",
        "not needed: UPDATE (read_at) ON public.notifications",
    ),
    (
        "writer rights",
        "GRANT SELECT ON resume_nudge_log TO PUBLIC",
        "not needed: SELECT ON public.resume_nudge_log",
    ),
    (
        "writer rights",
        "GRANT SELECT ON meetings TO fanout_writer",
        "not needed: SELECT ON public.meetings",
    ),
    (
        "operator rights",
        "GRANT UPDATE (processing_status) ON notification_processing TO fanout_operator",
        "not needed: UPDATE (processing_status) ON public.notification_processing",
    ),
    (
        "cdc rights",
        "GRANT SELECT ON profiles TO fanout_cdc",
        "not needed: SELECT ON public.profiles",
    ),
    (
        "operator rights",
        "GRANT CREATE ON SCHEMA public TO fanout_operator",
        "not needed: CREATE ON SCHEMA public",
    ),
    (
        "writer rights",
        "GRANT UPDATE ON notifications TO fanout_writer",
        "not needed: UPDATE ON public.notifications",
    ),
    (
        "writer rights",
        "GRANT UPDATE, DELETE, TRUNCATE ON event_dead_letters TO fanout_writer",
        "not needed: DELETE ON public.event_dead_letters, TRUNCATE ON public.event_dead_letters",
    ),
    (
        "operator rights",
        "GRANT INSERT, UPDATE ON fanout_replays TO PUBLIC",
        "not needed: INSERT ON public.fanout_replays, UPDATE ON public.fanout_replays",
    ),
    (
        "producer rights",
        "GRANT SELECT (address) ON fanout.transactional_mails TO fanout_producer",
        "not needed: SELECT (address) ON fanout.transactional_mails",
    ),
    (
        "producer rights",
        "GRANT EXECUTE ON FUNCTION fanout.address_hash TO fanout_producer",
        "not needed: EXECUTE ON FUNCTION fanout.address_hash(text)",
    ),
    ("durable commits", OFF, "off"),
    ("connection", READ_ONLY, "with default_transaction_read_only on"),
    ("connecting role", "ALTER TABLE projects OWNER TO test_operator", "test_operator owns tables"),
]
FAULTS: Final = [(*fault, Severity.FAILED) for fault in FAILURES] + [
    (*fault, Severity.WARNING) for fault in WARNINGS
]


@pytest.fixture
def database(database: Database) -> Database:
    """A database where the application has enabled row security on its people."""
    with database.connect() as connection:
        connection.execute("ALTER TABLE public.profiles ENABLE ROW LEVEL SECURITY")
    return database


@pytest.mark.parametrize(
    ("name", "fault", "words", "severity"), FAULTS, ids=[f"{f[0]}: {f[2]}" for f in FAULTS]
)
def test_a_fault_of_the_database_is_caught(
    database: Database, name: str, fault: str, words: str, severity: Severity
) -> None:
    assert found(database, name).severity == Severity.OK
    with database.connect() as connection:
        connection.execute(fault.encode())
    finding = found(database, name)
    assert finding.severity == severity
    assert words in finding.seen
    assert finding.fix


FIXED_BY_A_STATEMENT: Final = [
    (name, fault)
    for name, fault, _, _ in FAULTS
    if name
    in {
        *("tables", "publication", "events table"),
        *("writer rights", "cdc rights", "operator rights", "producer rights"),
    }
]


@pytest.mark.parametrize(("name", "fault"), FIXED_BY_A_STATEMENT)
def test_the_fix_of_a_fault_fixes_it(database: Database, name: str, fault: str) -> None:
    with database.connect() as connection:
        connection.execute(fault.encode())
        statement, _, _ = (found(database, name).fix or "").partition("; then: ")
        connection.execute(statement.encode())
    assert found(database, name).severity == Severity.OK


@pytest.mark.parametrize(
    ("families", "seen"),
    [
        ([Family.KERNEL], "neither the family mail nor the family push is installed"),
        ([Family.MAIL], "exactly the 3 that it needs"),
        ([Family.PUSH], "exactly the 3 that it needs"),
        ([Family.MAIL, Family.ACTIVITY], "exactly the 16 that it needs"),
    ],
    ids=["kernel", "mail", "push", "mail and activity"],
)
def test_the_rights_of_the_producer_are_those_of_the_families_that_are_there(
    empty_database: Database, families: list[Family], seen: str
) -> None:
    first, *more = families
    migrate(empty_database.dsn, family=first, also=more)
    assert found(empty_database, "producer rights") == ok(seen)


def test_the_role_of_reactions_has_exactly_what_it_needs_where_there_is_nothing_else(
    databases: Databases,
) -> None:
    with databases.with_reactions() as database:
        assert found(database, "reactions rights", database.dsn).severity == Severity.OK
        assert found(database, "jobs rights", database.dsn).severity == Severity.OK
        with database.connect() as connection:
            connection.execute(
                "REVOKE UPDATE (processed) ON reactions.events FROM fanout_reactions"
            )
            connection.execute("GRANT DELETE ON reactions.events TO fanout_reactions")
        finding = found(database, "reactions rights", database.dsn)
        assert finding.severity == Severity.FAILED
        assert finding.seen == (
            "missing: UPDATE (processed) ON reactions.events;"
            " not needed: DELETE ON reactions.events"
        )
        with database.connect() as connection:
            connection.execute((finding.fix or "").encode())
        assert found(database, "reactions rights", database.dsn).severity == Severity.OK


def test_beside_the_other_families_no_role_has_more_or_less_for_reactions(
    database: Database,
) -> None:
    assert found(database, "reactions rights") == ok("the family reactions is not installed")
    migrate(database.dsn, family=Family.REACTIONS)
    rights = [name for name in BY_NAME if name.endswith(" rights")]
    # As wide as the column on the screen.
    assert max(map(len, BY_NAME)) == len("reactions rights")
    assert len(rights) == len({CDC, WRITER, OPERATOR, VIEWER, JOBS, SENDER, PUSH, REACTIONS}) + 1
    assert {name: found(database, name).severity for name in rights} == dict.fromkeys(
        rights, Severity.OK
    )


@pytest.mark.parametrize("role", [CDC, WRITER, OPERATOR])
def test_every_right_on_every_table_is_fixed_by_granting_all_of_them_again(
    database: Database, role: str
) -> None:
    name = f"{role.removeprefix('fanout_')} rights"
    with database.connect() as connection:
        connection.execute(f"GRANT ALL ON ALL TABLES IN SCHEMA public TO {role}".encode())
        finding = found(database, name)
        assert (finding.severity, "missing" in finding.seen) == (Severity.WARNING, False)
        revoke_all, _, told = (finding.fix or "").partition("; then ")
        assert told.endswith("run the GRANTs and REVOKEs of migrations/*.sql in order")
        connection.execute(revoke_all.encode())
        assert found(database, name).severity == Severity.FAILED
        for migration in sorted(MIGRATIONS.glob("*.sql")):
            for statement in GRANTS.findall(migration.read_text("utf-8")):
                connection.execute(statement.encode())
    assert found(database, name).severity == Severity.OK


def test_who_is_in_the_role_without_its_rights_is_told_so_and_not_to_join_it(
    database: Database,
) -> None:
    member = f"member_{database.name}"
    name = sql.Identifier(member)
    dsn = database.cluster.dsn(database.name, member, "pass")
    with database.connect() as connection:
        connection.execute(
            sql.SQL("CREATE ROLE {} LOGIN NOINHERIT PASSWORD 'pass' IN ROLE fanout_writer").format(
                name
            )
        )
        try:
            finding = found(database, "connecting role", dsn)
            assert finding.severity == Severity.WARNING
            assert finding.seen == (
                f"{member} is in fanout_writer, but does not inherit its rights"
            )
            connection.execute((finding.fix or "").encode())
            assert found(database, "connecting role", dsn).severity == Severity.OK
        finally:
            connection.execute(sql.SQL("DROP ROLE {}").format(name))


def test_where_no_statement_can_fix_the_tables_their_document_is_named(database: Database) -> None:
    with database.connect() as connection:
        connection.execute("ALTER TABLE meetings RENAME TO gatherings")
    finding = found(database, "tables")
    assert (finding.seen, finding.fix) == (
        "public.meetings is missing",
        "see docs/your-tables.md",
    )


def test_a_database_without_an_application_may_be_the_wrong_one(empty_database: Database) -> None:
    finding = found(empty_database, "tables", empty_database.dsn)
    assert finding.severity == Severity.FAILED
    assert "has no tables of an application" in finding.seen
    assert (finding.fix or "").startswith("check DATABASE_URL, or create sample tables")


def test_a_superuser_is_warned_and_so_is_a_stranger(database: Database) -> None:
    finding = found(database, "connecting role", database.dsn)
    assert (finding.severity, finding.seen) == (Severity.WARNING, "postgres is a superuser")
    stranger = f"stranger_{database.name}"
    name = sql.Identifier(stranger)
    with database.connect() as connection:
        connection.execute(sql.SQL("CREATE ROLE {} LOGIN PASSWORD 'pass'").format(name))
        try:
            dsn = database.cluster.dsn(database.name, stranger, "pass")
            finding = found(database, "connecting role", dsn)
        finally:
            connection.execute(sql.SQL("DROP ROLE {}").format(name))
    assert finding.severity == Severity.WARNING
    assert "in none of our roles" in finding.seen
