import shutil
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from typing import Final, LiteralString

import psycopg
import pytest

from pipeline.clients.postgres import application_jobs
from pipeline.clients.postgres.errors import belongs_to_connection, classify
from pipeline.domain.errors import (
    ConfigurationError,
    FanoutError,
    RejectedByDatabase,
    StatementTimeout,
    TransientError,
    UnusableValue,
)
from pipeline.ops.families import MIGRATIONS, Family
from pipeline.ops.migrate import migrate
from tests.databases import Database
from tests.deadline import wait_until

CANARY: Final = "kanarienvogel"

KINDS: Final[dict[type[FanoutError], tuple[str, ...]]] = {
    RejectedByDatabase: (
        "09000", "21000", "22000", "22001", "22003", "22007", "22P02", "22P05", "23502", "23503",
        "23505", "23514", "27000", "38000", "39004", "44000", "54000", "54001", "P0001",
    ),
    TransientError: (
        "08000", "08001", "08003", "08006", "08P01", "24000", "25001", "25006", "25P02", "25P03",
        "25P04", "26000", "34000", "3B001", "40001", "40P01", "42P05", "53100", "53200", "53300",
        "55006", "55P03", "57P01", "57P02", "57P03", "57P04", "57P05", "58030", "72000",
    ),
    StatementTimeout: ("57014",),
    ConfigurationError: (
        "0A000", "28000", "28P01", "3D000", "3F000", "42501", "42601", "42703", "42883", "42P01",
        "42P10", "F0000", "XX000",
    ),
}  # fmt: skip

OF_THE_CONNECTION: Final = frozenset(
    {
        "08000", "08001", "08003", "08006", "08P01", "24000", "25001", "25006", "25P02", "25P03",
        "25P04", "26000", "34000", "3B001", "42P05", "57P01", "57P02", "57P03", "57P04", "57P05",
    }
)  # fmt: skip

FIXES: Final = {
    "28P01": "check the role and password of DATABASE_URL",
    "28000": "check the role and password of DATABASE_URL",
    "3D000": "create the database, or correct DATABASE_URL",
    "42501": "see: python -m pipeline doctor",
    "42703": "run: python -m pipeline migrate",
    "42P01": "run: python -m pipeline migrate",
    "42601": "this is a bug, or the schema is wrong",
}


@pytest.mark.parametrize(
    ("sqlstate", "kind"),
    [(sqlstate, kind) for kind, sqlstates in KINDS.items() for sqlstate in sqlstates],
)
def test_a_sqlstate_belongs_to_one_of_three_classes(sqlstate: str, kind: type[FanoutError]) -> None:
    failure = classify(psycopg.errors.lookup(sqlstate)(CANARY))
    assert type(failure) is kind
    assert f"SQLSTATE {sqlstate}" in str(failure)
    assert CANARY not in str(failure)


@pytest.mark.parametrize(("sqlstate", "fix"), FIXES.items())
def test_an_error_of_the_configuration_names_the_fix(sqlstate: str, fix: str) -> None:
    assert str(classify(psycopg.errors.lookup(sqlstate)())).endswith(f"; {fix}")


WORDS: Final = {
    "25006": "the server accepts no writes: a standby, or default_transaction_read_only is on",
    "25P03": "the server ended the session: it was idle within a transaction",
    "25P04": "the server ended the session: its transaction took too long",
    "26000": "the session is in an unexpected state",
    "53100": "the disk of the database is full: free some of it, or enlarge it",
    "53200": "the server is out of memory",
    "53300": "the server has no free connection",
    "55006": "an object is in use",
    "55P03": "a lock was not free in time",
    "57P01": "the server ended the session: an administrator, or a shutdown",
    "57P05": "the server ended the session: it was idle",
}


@pytest.mark.parametrize(("sqlstate", "words"), WORDS.items())
def test_what_will_pass_is_told_in_words(sqlstate: str, words: str) -> None:
    assert str(classify(psycopg.errors.lookup(sqlstate)())) == f"{words} (SQLSTATE {sqlstate})"


@pytest.mark.parametrize("sqlstate", [each for kind in KINDS.values() for each in kind])
def test_an_error_belongs_to_the_connection_or_to_the_work(sqlstate: str) -> None:
    failure = psycopg.errors.lookup(sqlstate)()
    assert belongs_to_connection(failure) is (sqlstate in OF_THE_CONNECTION)


@pytest.mark.parametrize(
    "kind",
    [
        psycopg.DataError,
        psycopg.InterfaceError,
        psycopg.InternalError,
        psycopg.NotSupportedError,
        psycopg.ProgrammingError,
    ],
)
def test_an_error_of_this_side_says_nothing_of_the_server(kind: type[psycopg.Error]) -> None:
    failure = classify(kind(CANARY))
    assert type(failure) is UnusableValue
    assert str(failure) == f"psycopg cannot read or write a value ({kind.__name__})"
    assert not belongs_to_connection(kind(CANARY))


def test_without_a_sqlstate_the_server_was_not_reached() -> None:
    failure = classify(psycopg.OperationalError(CANARY))
    assert type(failure) is TransientError
    assert str(failure) == "Postgres cannot be reached (OperationalError)"


@pytest.fixture
def connection(database: Database) -> Iterator[psycopg.Connection]:
    with database.connect() as connection:
        yield connection


def failure_of(connection: psycopg.Connection, statement: LiteralString) -> FanoutError:
    with pytest.raises(psycopg.Error) as raised:
        connection.execute(statement)
    return classify(raised.value)


@pytest.mark.parametrize(
    ("statement", "reason"),
    [
        pytest.param(
            "INSERT INTO profiles (id, email, app_role)"
            " VALUES (gen_random_uuid(), 'kanarienvogel', 'borrower')",
            "a constraint forbids a row: constraint profiles_id_fkey, table profiles"
            " (SQLSTATE 23503)",
            id="foreign key",
        ),
        pytest.param(
            "INSERT INTO orgs (name, entity_type) VALUES ('kanarienvogel', 'kanarienvogel')",
            "a constraint forbids a row: constraint orgs_entity_type_check, table orgs"
            " (SQLSTATE 23514)",
            id="check",
        ),
        pytest.param(
            "INSERT INTO orgs (entity_type) VALUES ('borrower')",
            "a constraint forbids a row: table orgs, column name (SQLSTATE 23502)",
            id="not null",
        ),
        pytest.param(
            "SELECT 'kanarienvogel'::uuid",
            "a value does not fit its column (SQLSTATE 22P02)",
            id="invalid text",
        ),
        pytest.param(
            r"""SELECT '{"kanarienvogel": "\u0000"}'::jsonb""",
            "a value does not fit its column (SQLSTATE 22P05)",
            id="NUL",
        ),
        pytest.param(
            "DO $$ BEGIN RAISE EXCEPTION 'kanarienvogel'; END $$",
            "a trigger refused a row (SQLSTATE P0001)",
            id="raised",
        ),
    ],
)
def test_a_refused_row_is_told_by_the_names_in_the_schema_only(
    connection: psycopg.Connection, statement: LiteralString, reason: str
) -> None:
    failure = failure_of(connection, statement)
    assert type(failure) is RejectedByDatabase
    assert str(failure) == reason


@pytest.mark.parametrize(
    ("change", "statement", "missing", "fix"),
    [
        pytest.param(
            "DROP TABLE notification_decisions",
            "SELECT FROM public.notification_decisions",
            'relation "public.notification_decisions" does not exist (SQLSTATE 42P01)',
            "run: python -m pipeline migrate",
            id="our table",
        ),
        pytest.param(
            "ALTER TABLE profiles RENAME TO accounts",
            "SELECT FROM public.profiles",
            'relation "public.profiles" does not exist (SQLSTATE 42P01)',
            "it belongs to the application; see: python -m pipeline doctor",
            id="table of the application",
        ),
        pytest.param(
            "ALTER TABLE notifications DROP COLUMN kind",
            "SELECT row_.kind FROM public.notifications AS row_",
            "column row_.kind does not exist (SQLSTATE 42703)",
            "run: python -m pipeline migrate",
            id="our column",
        ),
        pytest.param(
            "ALTER TABLE notifications DROP COLUMN kind",
            "INSERT INTO public.notifications (kind) VALUES ('')",
            'column "kind" of relation "notifications" does not exist (SQLSTATE 42703)',
            "run: python -m pipeline migrate",
            id="our column, written",
        ),
        pytest.param(
            "ALTER TABLE profiles RENAME full_name TO display_name",
            "SELECT person.full_name FROM public.profiles AS person",
            "column person.full_name does not exist (SQLSTATE 42703)",
            "it belongs to the application; see: python -m pipeline doctor",
            id="column of the application",
        ),
        pytest.param(
            "ALTER TABLE notification_processing RENAME event_type TO type_",
            "SELECT event_type FROM public.notification_processing",
            'column "event_type" does not exist (SQLSTATE 42703)',
            "run: python -m pipeline migrate; if that changes nothing, it belongs to the"
            " application",
            id="a name of both",
        ),
    ],
)
def test_what_is_missing_is_named_with_whose_it_is(
    connection: psycopg.Connection,
    change: LiteralString,
    statement: LiteralString,
    missing: str,
    fix: str,
) -> None:
    connection.execute(change)
    failure = failure_of(connection, statement)
    assert type(failure) is ConfigurationError
    assert str(failure) == f"Postgres refuses: {missing}; {fix}"


def test_what_belongs_to_the_application_is_what_its_schema_has(
    empty_database: Database, tmp_path: Path
) -> None:
    (tmp_path / "reference").mkdir()
    for file in (MIGRATIONS / "reference").glob("*.sql"):
        shutil.copy(file, tmp_path / "reference")
    columns = (
        "SELECT table_name, column_name FROM information_schema.columns"
        " WHERE table_schema = 'public' OR table_schema = 'fanout'"
    )
    migrate(empty_database.dsn, reference_schema=True, directory=tmp_path)
    with empty_database.connect() as connection:
        theirs = set(connection.execute(columns).fetchall())
        migrate(empty_database.dsn, reference_schema=True, family=Family.JOBS)
        ours = set(connection.execute(columns).fetchall()) - theirs
    found = {name for table, name in theirs if table in application_jobs.ALL_TABLES}
    assert found >= application_jobs.ALL_COLUMNS
    shared = {name for _, name in ours} & application_jobs.ALL_COLUMNS
    assert shared == application_jobs.SHARED_COLUMNS


def test_a_statement_that_takes_too_long_is_told_apart(connection: psycopg.Connection) -> None:
    connection.execute("SET statement_timeout = 1")
    failure = failure_of(connection, "SELECT pg_sleep(10)")
    assert type(failure) is StatementTimeout
    assert str(failure) == "a statement took longer than its timeout (SQLSTATE 57014)"
    with pytest.raises(psycopg.Error) as raised:
        connection.execute("SELECT pg_sleep(10)")
    told = classify(raised.value, limit=timedelta(seconds=30))
    assert str(told) == "a statement took longer than 30 s (SQLSTATE 57014)"


def test_a_statement_that_someone_cancelled_took_no_longer_than_it_may(
    database: Database, connection: psycopg.Connection
) -> None:
    with ThreadPoolExecutor(1) as executor, database.connect() as other:
        failing = executor.submit(failure_of, connection, "SELECT pg_sleep(60)")
        wait_until(
            lambda: other.execute(
                "SELECT pg_cancel_backend(pid) FROM pg_stat_activity"
                " WHERE pid = %s AND wait_event = 'PgSleep'",
                [connection.info.backend_pid],
            ).fetchall(),
            seconds=20,
            what="the statement sleeps",
        )
        failure = failing.result(20)
    assert type(failure) is TransientError
    assert str(failure) == "a person or a program cancelled the statement (SQLSTATE 57014)"


def test_a_row_that_is_locked_is_told_with_its_table(
    database: Database, connection: psycopg.Connection
) -> None:
    connection.execute("INSERT INTO orgs (name, entity_type) VALUES ('Acme', 'borrower')")
    with psycopg.connect(database.dsn) as holder:
        holder.execute("SELECT FROM orgs FOR UPDATE")
        connection.execute("SET lock_timeout = 1")
        failure = failure_of(connection, "UPDATE orgs SET name = 'kanarienvogel'")
    assert type(failure) is TransientError
    assert str(failure) == "a lock was not free in time: table orgs (SQLSTATE 55P03)"


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT round(extract(epoch FROM timestamptz 'infinity'))::bigint",
        "SELECT 'NaN'::float8::numeric::int",
    ],
)
def test_a_value_that_cannot_be_computed_with_is_one_of_the_row(
    connection: psycopg.Connection, statement: LiteralString
) -> None:
    failure = failure_of(connection, statement)
    assert type(failure) is RejectedByDatabase
    assert str(failure) == "a value is beyond what Postgres can compute (SQLSTATE 0A000)"


def test_control_what_the_server_does_not_know_stops_the_process(
    connection: psycopg.Connection,
) -> None:
    failure = failure_of(connection, "SELECT count(DISTINCT id) OVER () FROM orgs")
    assert type(failure) is ConfigurationError


def test_a_plan_of_a_table_that_was_changed_belongs_to_the_connection(
    database: Database, connection: psycopg.Connection
) -> None:
    for _ in range(8):
        connection.execute("SELECT full_name FROM profiles")
    with database.connect() as other:
        other.execute("ALTER TABLE profiles ALTER COLUMN full_name TYPE varchar(300)")
    with pytest.raises(psycopg.errors.FeatureNotSupported) as raised:
        connection.execute("SELECT full_name FROM profiles")
    assert belongs_to_connection(raised.value)
    assert type(classify(raised.value)) is TransientError


REFUSE: Final = """
    CREATE FUNCTION app_refuse() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN {} RETURN new; END $$;
    CREATE TRIGGER refuse BEFORE INSERT ON orgs FOR EACH ROW EXECUTE FUNCTION app_refuse()
"""


@pytest.mark.parametrize(
    ("body", "sqlstate"),
    [
        ("RAISE 'kanarienvogel' USING ERRCODE = 'insufficient_privilege';", "42501"),
        ("PERFORM FROM nowhere;", "42P01"),
        ("PERFORM new.kanarienvogel;", "42703"),
        ("PERFORM no_such_function(new.name);", "42883"),
        ("RAISE 'kanarienvogel' USING ERRCODE = 'feature_not_supported';", "0A000"),
    ],
)
def test_a_failing_trigger_of_the_application_is_told_by_its_name_and_blames_no_login(
    connection: psycopg.Connection, body: LiteralString, sqlstate: str
) -> None:
    connection.execute(REFUSE.format(body).encode())
    failure = failure_of(
        connection, "INSERT INTO orgs (name, entity_type) VALUES ('kanarienvogel', 'borrower')"
    )
    assert type(failure) is RejectedByDatabase
    assert str(failure) == (
        "a trigger or function of the application failed: function app_refuse"
        f" (SQLSTATE {sqlstate})"
    )


def test_a_trigger_that_raises_is_told_by_its_name(connection: psycopg.Connection) -> None:
    connection.execute(REFUSE.format("RAISE 'kanarienvogel';").encode())
    failure = failure_of(connection, "INSERT INTO orgs (name, entity_type) VALUES ('', 'borrower')")
    assert str(failure) == "a trigger refused a row: function app_refuse (SQLSTATE P0001)"


def test_a_function_in_sql_is_told_by_its_name(connection: psycopg.Connection) -> None:
    connection.execute(
        "CREATE FUNCTION app_look() RETURNS bigint LANGUAGE sql SECURITY DEFINER"
        " AS 'SELECT count(*) FROM orgs'; ALTER TABLE orgs RENAME TO companies"
    )
    failure = failure_of(connection, "SELECT app_look()")
    assert type(failure) is RejectedByDatabase
    assert "function app_look" in str(failure)


def test_what_a_trigger_raises_on_purpose_as_transient_stays_so(
    connection: psycopg.Connection,
) -> None:
    connection.execute(REFUSE.format("RAISE SQLSTATE '40001';").encode())
    failure = failure_of(connection, "INSERT INTO orgs (name, entity_type) VALUES ('', 'borrower')")
    assert type(failure) is TransientError


def test_a_row_that_a_policy_of_the_application_forbids_is_one_of_the_work(
    database: Database,
) -> None:
    with database.connect() as owner:
        owner.execute(
            "INSERT INTO domain_events (event_type, payload) VALUES ('x', '{}');"
            "ALTER TABLE notification_processing ENABLE ROW LEVEL SECURITY;"
            "CREATE POLICY app ON notification_processing AS RESTRICTIVE FOR INSERT"
            " WITH CHECK (processing_status <> 'dead')"
        )
    with psycopg.connect(database.writer_dsn, autocommit=True) as connection:
        failure = failure_of(
            connection,
            "INSERT INTO notification_processing (event_id, processing_status) VALUES (1, 'dead')",
        )
    assert type(failure) is RejectedByDatabase
    assert str(failure) == "a row security policy forbids a row (SQLSTATE 42501)"


def test_a_right_that_is_missing_is_told_with_its_object(database: Database) -> None:
    with psycopg.connect(database.cdc_dsn, autocommit=True) as connection:
        failure = failure_of(connection, "SELECT FROM notifications")
    assert type(failure) is ConfigurationError
    assert str(failure) == (
        "Postgres refuses: permission denied for table notifications (SQLSTATE 42501);"
        " see: python -m pipeline doctor"
    )


def test_a_read_only_server_can_be_tried_again(connection: psycopg.Connection) -> None:
    connection.execute("SET default_transaction_read_only = on")
    failure = failure_of(connection, "CREATE TABLE t ()")
    assert type(failure) is TransientError
