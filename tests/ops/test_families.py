"""Families of migrations: each can be the first or the only one, in any order."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from pipeline.domain.errors import ConfigurationError
from pipeline.ops.doctor.check import ok
from pipeline.ops.families import DELIVERIES, KERNEL, MIGRATIONS, RUNS, Family
from pipeline.ops.migrate import migrate, pending
from tests.databases import Database, Databases
from tests.ops.examination import found

# All objects and the rights on them, independent of the order of their creation.
CATALOG = """
    WITH ours AS (
        SELECT oid, nspname FROM pg_namespace WHERE nspname IN ('public', 'fanout', 'activity')
    )
    SELECT 'schema', pg_namespace.nspname, coalesce(acl::text, '')
    FROM pg_namespace LEFT JOIN LATERAL aclexplode(nspacl) AS acl ON true
    WHERE pg_namespace.oid IN (SELECT oid FROM ours)
    UNION ALL
    SELECT 'relation', relation.oid::regclass::text, relkind::text || relrowsecurity
    FROM pg_class AS relation
    WHERE relnamespace IN (SELECT oid FROM ours)
    UNION ALL
    SELECT 'right', relation.oid::regclass::text, acl::text
    FROM pg_class AS relation, aclexplode(relation.relacl) AS acl
    WHERE relnamespace IN (SELECT oid FROM ours)
    UNION ALL
    SELECT 'column', attrelid::regclass::text,
        attname || ' ' || atttypid::regtype || attnotnull || coalesce(acl::text, '')
    FROM pg_attribute
    JOIN pg_class ON pg_class.oid = attrelid
    LEFT JOIN LATERAL aclexplode(attacl) AS acl ON true
    WHERE relnamespace IN (SELECT oid FROM ours) AND attnum > 0
    UNION ALL
    SELECT 'constraint', conrelid::regclass::text, conname || pg_get_constraintdef(oid)
    FROM pg_constraint
    WHERE connamespace IN (SELECT oid FROM ours)
    UNION ALL
    SELECT 'index', tablename, indexdef FROM pg_indexes
    WHERE schemaname IN (SELECT nspname FROM ours)
    UNION ALL
    SELECT 'policy', polrelid::regclass::text, polname || polroles::text FROM pg_policy
    UNION ALL
    SELECT 'function', function.oid::regprocedure::text, prosrc || coalesce(acl::text, '')
    FROM pg_proc AS function LEFT JOIN LATERAL aclexplode(proacl) AS acl ON true
    WHERE pronamespace IN (SELECT oid FROM ours)
    UNION ALL
    SELECT 'trigger', tgrelid::regclass::text, pg_get_triggerdef(pg_trigger.oid)
    FROM pg_trigger
    JOIN pg_class ON pg_class.oid = tgrelid
    WHERE relnamespace IN (SELECT oid FROM ours) AND NOT tgisinternal
    UNION ALL
    SELECT 'applied', name, checksum FROM public.fanout_migrations
    ORDER BY 1, 2, 3
"""


def catalog(database: Database) -> list[tuple[object, ...]]:
    with database.connect() as connection:
        return connection.execute(CATALOG.encode()).fetchall()


def tables(database: Database) -> set[str]:
    with database.connect() as connection:
        rows = connection.execute(
            "SELECT oid::regclass::text FROM pg_class WHERE relkind = 'r'"
            " AND relnamespace NOT IN ('pg_catalog'::regnamespace,"
            " 'information_schema'::regnamespace)"
        ).fetchall()
    return {name for (name,) in rows}


def command(dsn: str, *flags: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "pipeline", "migrate", *flags],
        cwd=MIGRATIONS.parent,
        env=os.environ | {"DATABASE_URL": dsn},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_the_kernel_names_every_file_of_its_folder() -> None:
    folder = {path.relative_to(MIGRATIONS).as_posix() for path in MIGRATIONS.glob("kernel/*.sql")}
    assert {name for name in KERNEL if name.startswith("kernel/")} == folder
    assert all((MIGRATIONS / name).exists() for name in KERNEL)


def test_the_kernel_alone_needs_no_application_and_makes_no_table_of_one(
    empty_database: Database,
) -> None:
    assert migrate(empty_database.dsn, family=Family.KERNEL) == list(KERNEL)
    assert tables(empty_database) == {
        "event_dead_letters",
        "fanout_heartbeat",
        "fanout_migrations",
        "fanout_replays",
        "fanout.api_tokens",
        "fanout.graph_topics",
        "fanout.attempts",
        "fanout.audit",
        "fanout.graphs",
        "fanout.idempotency_keys",
        "fanout.replay_plans",
        "fanout.switches",
        "fanout.unpublished_letters",
    }
    assert pending(empty_database.dsn) == []
    assert pending(empty_database.dsn, family=Family.FANOUT) != []


def test_the_second_run_of_the_kernel_applies_nothing_and_changes_nothing(
    empty_database: Database,
) -> None:
    migrate(empty_database.dsn, family=Family.KERNEL)
    before = catalog(empty_database)
    assert migrate(empty_database.dsn, family=Family.KERNEL) == []
    assert catalog(empty_database) == before


def test_the_pipeline_and_the_operator_have_their_rights_in_the_kernel_alone(
    empty_database: Database,
) -> None:
    migrate(empty_database.dsn, family=Family.KERNEL)
    unread = {
        "fanout_writer": {
            "fanout.attempts",
            "fanout.api_tokens",
            "fanout.audit",
            "fanout.idempotency_keys",
            "fanout.replay_plans",
        },
        "fanout_operator": {"fanout.unpublished_letters"},
    }
    with empty_database.connect() as connection:
        for role, closed in unread.items():
            with connection.transaction(force_rollback=True):
                connection.execute(f"SET LOCAL ROLE {role}".encode())
                # Attempts are written by those who try, whose families come with their roles.
                for table in tables(empty_database) - closed:
                    connection.execute(f"SELECT FROM {table}".encode())
        with connection.transaction(force_rollback=True):
            connection.execute("SET LOCAL ROLE fanout_writer")
            connection.execute(
                "INSERT INTO event_dead_letters (letter_key, stage, error_class, message,"
                " fingerprint) VALUES ('k', 's', 'e', 'm', 'f')"
            )


def test_whichever_family_comes_first_schema_and_rights_are_the_same_in_the_end(
    databases: Databases,
) -> None:
    with databases.empty() as first, databases.empty() as second, databases.empty() as control:
        migrate(first.dsn, family=Family.KERNEL)
        migrate(first.dsn, reference_schema=True)
        migrate(second.dsn, reference_schema=True)
        assert migrate(second.dsn, family=Family.KERNEL) == []
        assert catalog(first) == catalog(second)
        # Control: the catalog of a database with fewer families differs.
        migrate(control.dsn, family=Family.KERNEL)
        assert catalog(control) != catalog(second)
        with second.connect() as connection:
            connection.execute("GRANT UPDATE ON event_dead_letters TO fanout_writer")
        assert catalog(first) != catalog(second)


def test_a_database_of_an_earlier_release_gets_the_kernels_files_after_its_own(
    empty_database: Database, tmp_path: Path
) -> None:
    for path in MIGRATIONS.glob("*.sql"):
        (tmp_path / path.name).write_bytes(path.read_bytes())
    (tmp_path / "reference").symlink_to(MIGRATIONS / "reference")
    migrate(empty_database.dsn, reference_schema=True, directory=tmp_path)
    own = [name for name in KERNEL if name.startswith("kernel/")]
    assert pending(empty_database.dsn) == own
    assert migrate(empty_database.dsn) == own


def test_the_kernels_tables_are_no_sign_of_an_application(empty_database: Database) -> None:
    migrate(empty_database.dsn, family=Family.KERNEL)
    before = catalog(empty_database)
    with pytest.raises(ConfigurationError, match=r"no tables of an application.*--reference-sche"):
        migrate(empty_database.dsn)
    assert catalog(empty_database) == before


def test_the_jobs_come_with_the_fan_out_before_or_after_it(databases: Databases) -> None:
    own = [path.relative_to(MIGRATIONS).as_posix() for path in sorted(MIGRATIONS.glob("jobs/*"))]
    with databases.empty() as first, databases.empty() as second:
        migrate(first.dsn, reference_schema=True, family=Family.JOBS)
        migrate(second.dsn, reference_schema=True)
        assert pending(second.dsn) == []
        assert migrate(second.dsn, family=Family.JOBS) == own
        assert migrate(second.dsn, family=Family.JOBS) == []
        assert catalog(first) == catalog(second)
        assert pending(first.dsn) == []
        # From now on the database is meant to have what jobs need.
        with second.connect() as connection:
            connection.execute(
                "DELETE FROM fanout_migrations WHERE name = %s", ["kernel/0005_attempts.sql"]
            )
        assert pending(second.dsn) == ["kernel/0005_attempts.sql"]


MAIL = [path.relative_to(MIGRATIONS).as_posix() for path in sorted(MIGRATIONS.glob("mail/*"))]


def test_mail_needs_no_application_and_makes_no_table_of_one(empty_database: Database) -> None:
    assert migrate(empty_database.dsn, family=Family.MAIL) == [*KERNEL, *MAIL]
    assert {name for name in tables(empty_database) if not name.startswith("fanout.")} == {
        "event_dead_letters",
        "fanout_heartbeat",
        "fanout_migrations",
        "fanout_replays",
    }
    assert pending(empty_database.dsn) == []


def test_mail_comes_before_or_after_the_fan_out_and_is_captured_in_the_end(
    databases: Databases,
) -> None:
    with databases.empty() as first, databases.empty() as second, databases.empty() as control:
        migrate(first.dsn, family=Family.MAIL)
        migrate(first.dsn, reference_schema=True, family=Family.JOBS)
        migrate(second.dsn, reference_schema=True, family=Family.JOBS)
        assert migrate(second.dsn, family=Family.MAIL) == MAIL
        migrate(control.dsn, reference_schema=True, family=Family.JOBS, also=[Family.MAIL])
        assert catalog(first) == catalog(second) == catalog(control)
        assert published(first) == published(second) == published(control)
        assert "fanout.deliveries" in published(first)
        assert pending(first.dsn) == pending(second.dsn) == []


PUSH = [path.relative_to(MIGRATIONS).as_posix() for path in sorted(MIGRATIONS.glob("push/*"))]
REACTIONS = [
    path.relative_to(MIGRATIONS).as_posix() for path in sorted(MIGRATIONS.glob("reactions/*"))
]
ACTIVITY = [
    path.relative_to(MIGRATIONS).as_posix() for path in sorted(MIGRATIONS.glob("activity/*"))
]


def test_push_needs_no_application_and_of_mail_only_the_deliveries(
    empty_database: Database,
) -> None:
    assert migrate(empty_database.dsn, family=Family.PUSH) == [*KERNEL, *DELIVERIES, *PUSH]
    assert "fanout.device_tokens" in tables(empty_database)
    assert "fanout.transactional_mails" not in tables(empty_database)
    assert pending(empty_database.dsn) == []
    # From now on the database is meant to have what push needs, and nothing of mail.
    with empty_database.connect() as connection:
        connection.execute("DELETE FROM fanout_migrations WHERE name = %s", [DELIVERIES[0]])
    assert pending(empty_database.dsn) == [DELIVERIES[0]]


def test_activity_comes_with_push(empty_database: Database) -> None:
    applied = migrate(empty_database.dsn, family=Family.ACTIVITY)
    assert applied == [*KERNEL, *DELIVERIES, *PUSH, *ACTIVITY]
    assert "activity.notifications" in tables(empty_database)
    assert pending(empty_database.dsn) == []


@pytest.mark.parametrize(
    "order",
    [
        [Family.ACTIVITY, Family.MAIL, Family.JOBS],
        [Family.PUSH, Family.JOBS, Family.MAIL, Family.ACTIVITY],
        [Family.MAIL, Family.PUSH, Family.JOBS, Family.ACTIVITY],
    ],
)
def test_push_comes_before_or_after_the_others_and_is_captured_in_the_end(
    databases: Databases, order: list[Family]
) -> None:
    with databases.empty() as first, databases.empty() as control:
        for family in order:
            migrate(first.dsn, reference_schema=family is Family.JOBS, family=family)
        migrate(
            control.dsn,
            reference_schema=True,
            family=Family.JOBS,
            also=[Family.MAIL, Family.ACTIVITY],
        )
        assert catalog(first) == catalog(control)
        assert published(first) == published(control)
        assert published(first)["activity.notifications"] == ["id", "created_at"]
        assert published(first)["fanout.deliveries"] == ["id", "created_at"]
        assert pending(first.dsn) == []


@pytest.mark.parametrize(
    ("sends", "needs_application"), [(Family.MAIL, Family.FANOUT), (Family.PUSH, Family.JOBS)]
)
def test_a_family_alone_before_the_application_gets_what_it_gets_with_it(
    databases: Databases, sends: Family, needs_application: Family
) -> None:
    with databases.empty() as first, databases.empty() as control:
        migrate(first.dsn, family=sends)
        migrate(first.dsn, reference_schema=True, family=needs_application)
        migrate(control.dsn, reference_schema=True, family=needs_application, also=[sends])
        assert catalog(first) == catalog(control)


def test_reactions_come_before_or_after_the_fan_out_and_are_captured_in_the_end(
    databases: Databases,
) -> None:
    with databases.empty() as first, databases.empty() as second:
        migrate(first.dsn, family=Family.REACTIONS)
        migrate(first.dsn, reference_schema=True)
        migrate(second.dsn, reference_schema=True)
        migrate(second.dsn, family=Family.REACTIONS)
        assert catalog(first) == catalog(second)
        assert published(first) == published(second)
        assert published(first)["reactions.events"] == ["id", "created_at"]


def test_in_place_of_a_view_the_table_behind_it_is_captured(empty_database: Database) -> None:
    migrate(empty_database.dsn, reference_schema=True, also=[Family.REACTIONS])
    with empty_database.connect() as connection:
        connection.execute(
            """
            DROP TABLE reactions.events CASCADE;
            CREATE TABLE public."Our events" (id uuid PRIMARY KEY, created_at timestamptz, a text);
            CREATE VIEW reactions.events AS SELECT * FROM public."Our events";
            """
        )
        before = published(empty_database)
        for _ in range(2):
            connection.execute("SELECT fanout.capture_reactions()")
    assert published(empty_database) == before | {"public.Our events": ["id", "created_at"]}
    assert found(empty_database, "publication", empty_database.dsn) == ok(
        'inserts into domain_events, public."Our events", only ids and times,'
        " and into fanout_heartbeat"
    )


def published(database: Database) -> dict[str, list[str]]:
    with database.connect() as connection:
        rows = connection.execute(
            "SELECT schemaname || '.' || tablename, attnames::text[] FROM pg_publication_tables"
        ).fetchall()
    return dict(rows)


def test_without_a_name_the_families_that_are_there_are_brought_up_to_date(
    empty_database: Database,
) -> None:
    """A new release has files for a database with reactions and push, and no application."""
    migrate(empty_database.dsn, family=Family.REACTIONS, also=[Family.PUSH])
    # Each does the same when it is applied again.
    late = ["kernel/0004_comments.sql", "mail/0080_faster_ids.sql", "reactions/0073_topic.sql"]
    with empty_database.connect() as connection:
        connection.execute("DELETE FROM fanout_migrations WHERE name = ANY (%s)", [late])
    assert sorted(pending(empty_database.dsn)) == late
    done = command(empty_database.dsn)
    assert done.returncode == 0, done.stderr
    assert pending(empty_database.dsn) == []
    assert "domain_events" not in tables(empty_database)
    assert command(empty_database.dsn).stderr == "the schema is up to date\n"


def test_an_unknown_family_is_refused_in_one_line(empty_database: Database) -> None:
    done = command(empty_database.dsn, "--family", "x")
    assert done.returncode == 2
    assert done.stderr == (
        "pipeline migrate: invalid family 'x': expected kernel, fanout, jobs, mail, push,"
        " activity or reactions\n"
    )


def test_the_reference_schema_is_not_the_kernels(empty_database: Database) -> None:
    done = command(empty_database.dsn, "--family", "kernel", "--reference-schema")
    assert done.returncode == 1
    assert "--reference-schema creates tables for the family fanout" in done.stderr
    assert tables(empty_database) == set()
    assert command(empty_database.dsn, "--family", "kernel").returncode == 0


def test_reactions_need_the_kernel_and_no_table_of_another_family(empty_database: Database) -> None:
    assert migrate(empty_database.dsn, family=Family.REACTIONS) == [*KERNEL, *RUNS, *REACTIONS]
    # Later releases apply the same family's files.
    assert migrate(empty_database.dsn, family=Family.REACTIONS) == []
