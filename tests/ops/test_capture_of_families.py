"""Capture with any set of families: the publication, its rights, and what doctor says of it."""

import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Final
from uuid import uuid4

import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from pipeline.domain.errors import ConfigurationError
from pipeline.ops.capture.progress import narrow, read_steps
from pipeline.ops.doctor.check import Severity, ok
from pipeline.ops.doctor.installation import Installation
from pipeline.ops.families import MIGRATIONS, Family
from pipeline.ops.migrate import migrate, pending
from pipeline.ops.ready.look import look as look_at_readiness
from pipeline.settings import CaptureNames, DatabaseSettings
from tests.databases import Database, Databases
from tests.ops.examination import beat, found, slot

THIN: Final = ["id", "created_at"]
HEARTBEATS: Final = {"public.fanout_heartbeat": ["id", "beat_at", "lsn"]}
EVENTS: Final = {"public.domain_events": THIN}
DELIVERIES: Final = {"fanout.deliveries": THIN}
ACTIVITY: Final = {"activity.notifications": THIN}
REACTIONS: Final = {"reactions.events": THIN}
ALONE: Final = {
    Family.KERNEL: HEARTBEATS,
    Family.MAIL: HEARTBEATS | DELIVERIES,
    Family.PUSH: HEARTBEATS | DELIVERIES,
    Family.ACTIVITY: HEARTBEATS | DELIVERIES | ACTIVITY,
    Family.REACTIONS: HEARTBEATS | REACTIONS,
}
ALL: Final = HEARTBEATS | EVENTS | DELIVERIES | ACTIVITY | REACTIONS
# What this release adds for capture without the fan-out.
NEW: Final = (
    "0033_capture_events.sql",
    "kernel/0010_publication.sql",
    "kernel/0011_capture.sql",
)
OF_REACTIONS: Final = "reactions/0065_capture.sql"
# What earlier releases did not apply without the fan-out.
OF_THE_FANOUT: Final = ("0007_capture.sql", "0020_heartbeat_position.sql")


def published(database: Database) -> dict[str, list[str]]:
    """The columns of each published table. Nothing but inserts is published, and all rows."""
    with database.asking() as connection:
        rows = connection.execute(
            """
            SELECT schemaname || '.' || tablename, attnames::text[],
                pubinsert AND NOT (pubupdate OR pubdelete OR pubtruncate) AND rowfilter IS NULL
            FROM pg_publication_tables JOIN pg_publication USING (pubname)
            WHERE pubname = 'fanout_events'
            """
        ).fetchall()
    assert all(only_inserts for _, _, only_inserts in rows)
    return {name: columns for name, columns, _ in rows}


def earlier(folder: Path, *left_out: str) -> Path:
    """The migrations of the release before capture knew families, in a folder."""
    shutil.copytree(MIGRATIONS, folder, dirs_exist_ok=True)
    for name in (*NEW, OF_REACTIONS, *left_out):
        (folder / name).unlink()
    return folder


@contextmanager
def owner_of(database: Database) -> Iterator[str]:
    """The URL of a login that is no superuser, and may create what it owns in the database."""
    role, password = f"owner_of_{database.name}", uuid4().hex
    names = {"database": sql.Identifier(database.name), "role": sql.Identifier(role)}
    with database.connect() as connection:
        for statement in (
            "CREATE ROLE {role} LOGIN PASSWORD {password}",
            "GRANT CREATE ON DATABASE {database} TO {role}",
            "GRANT CREATE ON SCHEMA public TO {role}",
        ):
            connection.execute(sql.SQL(statement).format(password=password, **names))
        try:
            yield make_conninfo(database.dsn, user=role, password=password)
        finally:
            connection.execute(sql.SQL("DROP OWNED BY {role} CASCADE").format(**names))
            connection.execute(sql.SQL("DROP ROLE {role}").format(**names))


@pytest.mark.parametrize("family", ALONE)
def test_each_family_alone_is_captured_by_inserts_of_ids_and_times(
    empty_database: Database, family: Family
) -> None:
    migrate(empty_database.dsn, family=family)
    assert published(empty_database) == ALONE[family]
    assert found(empty_database, "publication").severity is Severity.OK
    assert found(empty_database, "cdc rights") == ok("exactly the 3 that it needs")


@pytest.mark.parametrize(
    "order",
    [
        [Family.REACTIONS, Family.MAIL, Family.ACTIVITY, Family.FANOUT],
        [Family.ACTIVITY, Family.FANOUT, Family.REACTIONS, Family.MAIL],
    ],
)
def test_in_whatever_order_families_come_what_is_captured_stays_so_and_all_is_in_the_end(
    empty_database: Database, order: Sequence[Family]
) -> None:
    before: dict[str, list[str]] = {}
    # Debezium reads already when the second family comes. Without a slot: test_families.py.
    for each in order:
        with slot(empty_database) if before else nullcontext():
            migrate(empty_database.dsn, family=each, reference_schema=each is Family.FANOUT)
        assert before.items() <= published(empty_database).items()
        before = published(empty_database)
    assert before == ALL


@pytest.mark.parametrize("family", [Family.REACTIONS, Family.ACTIVITY])
def test_what_a_database_of_an_earlier_release_did_not_capture_is_captured_after_migrate(
    empty_database: Database, tmp_path: Path, family: Family
) -> None:
    migrate(
        empty_database.dsn,
        family=family,
        directory=earlier(tmp_path / "migrations", *OF_THE_FANOUT),
    )
    # Control: before, there is neither a publication nor a heartbeat.
    assert published(empty_database) == {}
    own = [OF_REACTIONS] if family is Family.REACTIONS else []
    applied = migrate(empty_database.dsn, family=family)
    assert {*applied} == {*NEW[1:], *OF_THE_FANOUT, *own}
    assert published(empty_database) == ALONE[family]


def test_what_reactions_of_an_earlier_release_lack_comes_with_them_and_not_with_the_fan_out(
    empty_database: Database, tmp_path: Path
) -> None:
    directory = earlier(tmp_path / "migrations", *OF_THE_FANOUT)
    with owner_of(empty_database) as dsn:
        migrate(dsn, family=Family.REACTIONS, directory=directory)
        migrate(dsn, reference_schema=True)
        assert published(empty_database) == HEARTBEATS | EVENTS
        assert pending(dsn) == [OF_REACTIONS]
        assert migrate(dsn, family=Family.REACTIONS) == [OF_REACTIONS]
        assert published(empty_database) == HEARTBEATS | EVENTS | REACTIONS


def test_an_owner_who_is_no_superuser_may_migrate_families_in_any_order(
    empty_database: Database,
) -> None:
    with owner_of(empty_database) as dsn:
        for each in (Family.REACTIONS, Family.FANOUT, Family.ACTIVITY, Family.MAIL, Family.JOBS):
            migrate(dsn, family=each, reference_schema=each is Family.FANOUT)
        assert published(empty_database) == ALL


@pytest.mark.parametrize(
    "change",
    [
        # As in a release that published whole rows, with a Debezium that still needs them.
        (
            "ALTER PUBLICATION fanout_events SET TABLE domain_events, fanout_heartbeat,"
            " fanout.deliveries (id, created_at), activity.notifications (id, created_at)"
        ),
        "DROP PUBLICATION fanout_events",
        (
            "DROP PUBLICATION fanout_events; CREATE PUBLICATION fanout_events FOR ALL TABLES"
            " WITH (publish = 'insert')"
        ),
        "ALTER PUBLICATION fanout_events SET TABLES IN SCHEMA public",
        "ALTER PUBLICATION fanout_events RENAME TO other_events",
    ],
)
def test_a_publication_that_differs_in_a_database_of_the_fan_out_is_not_changed(
    database: Database, change: str
) -> None:
    with database.connect() as connection:
        connection.execute(change.encode())
        before = published(database)
        # A database of an earlier release applies these last.
        for name in NEW:
            connection.execute((MIGRATIONS / name).read_bytes())
    assert published(database) == before


def test_a_partitioned_table_of_events_is_captured_when_the_fan_out_comes_last(
    empty_database: Database,
) -> None:
    migrate(empty_database.dsn, family=Family.REACTIONS)
    with empty_database.connect() as connection:
        connection.execute(
            """
            CREATE TABLE domain_events (
                id bigint, created_at timestamptz, payload jsonb, PRIMARY KEY (id, created_at)
            ) PARTITION BY RANGE (created_at);
            CREATE TABLE domain_events_1 PARTITION OF domain_events DEFAULT;
            """
        )
        connection.execute((MIGRATIONS / NEW[0]).read_bytes())
    assert published(empty_database) == HEARTBEATS | REACTIONS | EVENTS


def test_an_owner_who_may_not_make_a_publication_is_told_what_to_do(
    empty_database: Database, tmp_path: Path
) -> None:
    directory = earlier(tmp_path / "migrations", *OF_THE_FANOUT)
    with owner_of(empty_database) as dsn, empty_database.connect() as administrator:
        migrate(dsn, family=Family.REACTIONS, directory=directory)
        role, name = str(conninfo_to_dict(dsn)["user"]), empty_database.name
        administrator.execute(f"REVOKE CREATE ON DATABASE {name} FROM {role}".encode())
        with pytest.raises(ConfigurationError) as refused:
            migrate(dsn, family=Family.REACTIONS)
        fix = f"GRANT CREATE ON DATABASE {name} TO {role}"
        assert str(refused.value) == (
            f"kernel/0010_publication.sql: {role} may not create a publication in the database"
            f" {name}; have an administrator run {fix}; then run migrate again"
        )
        administrator.execute(fix.encode())
        migrate(dsn, family=Family.REACTIONS)
        assert published(empty_database) == ALONE[Family.REACTIONS]


@pytest.fixture
def reactions(databases: Databases) -> Iterator[Database]:
    with databases.with_reactions() as database:
        yield database


def test_the_login_of_debezium_may_beat_and_nothing_else(reactions: Database) -> None:
    with psycopg.connect(reactions.cdc_dsn, autocommit=True) as connection:
        connection.execute("INSERT INTO public.fanout_heartbeat DEFAULT VALUES")
        deleted = connection.execute("DELETE FROM public.fanout_heartbeat RETURNING lsn")
        assert len(deleted.fetchall()) == 1
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute("SELECT FROM reactions.events")


def test_doctor_says_that_nothing_is_captured_before_debezium_runs(reactions: Database) -> None:
    finding = found(reactions, "slot")
    assert finding.severity is Severity.WARNING
    assert finding.seen == (
        "slot fanout_events does not exist: reactions.events are not captured;"
        " the graphs look for what is new themselves"
    )
    assert "start Debezium" in str(finding.fix)
    for name in ("slot failover", "heartbeat"):
        assert found(reactions, name) == ok(
            "there is no slot, and without the fan-out none is needed"
        )


def test_doctor_says_what_is_captured_once_debezium_runs(reactions: Database) -> None:
    with slot(reactions):
        beat(reactions, "2 seconds")
        assert found(reactions, "slot").severity is Severity.OK
        assert found(reactions, "heartbeat").severity is Severity.OK
        assert found(reactions, "publication") == ok(
            "inserts into reactions.events, only ids and times, and into fanout_heartbeat"
        )


@pytest.mark.parametrize(
    "fault",
    [
        "DROP PUBLICATION fanout_events",
        "ALTER PUBLICATION fanout_events DROP TABLE reactions.events",
        "ALTER PUBLICATION fanout_events DROP TABLE fanout_heartbeat",
        "ALTER PUBLICATION fanout_events SET TABLE fanout_heartbeat, reactions.events",
        "ALTER PUBLICATION fanout_events SET (publish = 'insert, update')",
        "DROP PUBLICATION fanout_events; CREATE PUBLICATION fanout_events FOR ALL TABLES",
    ],
)
def test_doctor_says_how_to_capture_again_without_the_fan_out(
    reactions: Database, fault: str
) -> None:
    with reactions.connect() as connection:
        connection.execute(fault.encode())
        finding = found(reactions, "publication", reactions.dsn)
        assert finding.severity is Severity.FAILED
        # The graph of reactions finds the rest itself.
        assert "catch-up" not in str(finding.fix)
        connection.execute(str(finding.fix).encode())
    assert found(reactions, "publication").severity is Severity.OK
    assert published(reactions) == ALONE[Family.REACTIONS]


def test_a_slot_that_nobody_reads_is_a_fault_without_the_fan_out_too(reactions: Database) -> None:
    with slot(reactions, read=False):
        assert found(reactions, "slot").severity is Severity.FAILED


def test_only_a_debezium_that_was_started_has_to_run(reactions: Database) -> None:
    def parts() -> set[str]:
        database = DatabaseSettings(dsn=reactions.operator_dsn)
        with Installation(database=database) as installation:
            return {*look_at_readiness(installation).parts} & {"slot", "heartbeat"}

    assert parts() == set()
    with slot(reactions):
        assert parts() == {"slot", "heartbeat"}
    with slot(reactions, read=False):
        assert parts() == {"slot"}


def test_of_other_families_nothing_but_ids_was_ever_captured(reactions: Database) -> None:
    settings, names = DatabaseSettings(dsn=reactions.dsn), CaptureNames()
    for steps in (read_steps(settings, names), narrow(settings, names)):
        assert [(step.name, step.done) for step in steps] == [("publication", True)]
