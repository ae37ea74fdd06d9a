from collections.abc import Iterator
from typing import Final, LiteralString

import psycopg
import pytest

from pipeline.domain.errors import (
    ConfigurationError,
    FanoutError,
    RejectedByDatabase,
    StatementTimeout,
    TransientError,
)
from pipeline.postgres.errors import classify
from tests.databases import Database

CANARY: Final = "kanarienvogel"

KINDS: Final[dict[type[FanoutError], tuple[str, ...]]] = {
    RejectedByDatabase: (
        "22000", "22001", "22003", "22007", "22P02", "22P05", "23502", "23503", "23505", "23514",
        "44000", "54000", "54001", "P0001",
    ),
    TransientError: (
        "08000", "08001", "08003", "08006", "08P01", "25006", "40001", "40P01", "53100", "53200",
        "53300", "55006", "55P03", "57P01", "57P02", "57P03", "57P05", "58030",
    ),
    StatementTimeout: ("57014",),
    ConfigurationError: (
        "0A000", "26000", "28000", "28P01", "3D000", "3F000", "42501", "42601", "42703", "42883",
        "42P01", "42P10", "F0000", "XX000",
    ),
}  # fmt: skip

MENDS: Final = {
    "28P01": "check the role and password of DATABASE_URL",
    "28000": "check the role and password of DATABASE_URL",
    "3D000": "create the database, or correct DATABASE_URL",
    "42501": "run and catch-up need a login in fanout_writer, all else one in fanout_operator",
    "42703": "run: python -m pipeline migrate",
    "42P01": "run: python -m pipeline migrate",
    "42601": "this is a bug or a wrong schema",
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


@pytest.mark.parametrize(("sqlstate", "mend"), MENDS.items())
def test_an_error_of_the_configuration_names_the_mend(sqlstate: str, mend: str) -> None:
    assert str(classify(psycopg.errors.lookup(sqlstate)())).endswith(f"; {mend}")


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


def test_a_missing_table_is_named_with_the_mend(connection: psycopg.Connection) -> None:
    failure = failure_of(connection, "SELECT FROM nowhere")
    assert type(failure) is ConfigurationError
    assert str(failure) == (
        'Postgres refuses: relation "nowhere" does not exist (SQLSTATE 42P01);'
        " run: python -m pipeline migrate"
    )


def test_a_statement_that_takes_too_long_can_be_tried_again(
    connection: psycopg.Connection,
) -> None:
    connection.execute("SET statement_timeout = 1")
    failure = failure_of(connection, "SELECT pg_sleep(10)")
    assert type(failure) is StatementTimeout
    assert str(failure) == "the server ended the statement (SQLSTATE 57014)"


def test_a_read_only_server_can_be_tried_again(connection: psycopg.Connection) -> None:
    connection.execute("SET default_transaction_read_only = on")
    failure = failure_of(connection, "CREATE TABLE t ()")
    assert type(failure) is TransientError
