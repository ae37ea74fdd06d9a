"""Why Postgres refuses a connection, and how to fix it."""

import socket
from typing import Final

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from pipeline.clients.postgres.check import check_database
from pipeline.clients.postgres.refusal import read_refusal
from pipeline.domain.errors import ConfigurationError, FanoutError, TransientError
from pipeline.settings import DatabaseSettings
from tests.databases import Database

PASSWORD: Final = "kanarienvogel"  # noqa: S105 - it must not be right


def refusal(dsn: str) -> FanoutError:
    """Return the error of the first check of the database."""
    with pytest.raises(FanoutError) as raised:
        check_database(DatabaseSettings(dsn=dsn))
    return raised.value


def assert_says(error: FanoutError, kind: type[FanoutError], cause: str, fix: str) -> None:
    assert type(error) is kind
    text = str(error)
    assert text.startswith("Postgres cannot be reached: ")
    assert cause in text
    assert text.endswith(f"; {fix}")
    assert "\n" not in text
    assert PASSWORD not in text


@pytest.mark.parametrize(
    ("changed", "kind", "cause", "fix"),
    [
        (
            {"password": PASSWORD},
            ConfigurationError,
            'password authentication failed for user "test_writer"',
            "correct user and password in DATABASE_URL",
        ),
        (
            {"user": "nobody"},
            ConfigurationError,
            'password authentication failed for user "nobody"',
            "correct user and password in DATABASE_URL",
        ),
        (
            {"dbname": "nowhere"},
            ConfigurationError,
            'database "nowhere" does not exist',
            "create it, or correct the database in DATABASE_URL",
        ),
        (
            {"host": "db.invalid"},
            ConfigurationError,
            "failed to resolve host 'db.invalid'",
            "correct the host in DATABASE_URL",
        ),
        (
            {"port": "1"},
            TransientError,
            "Connection refused",
            "start the server, or correct host and port in DATABASE_URL",
        ),
        (
            {"host": "127.0.0.1,127.0.0.1", "port": "1,2"},
            TransientError,
            "Connection refused",
            "start the server, or correct host and port in DATABASE_URL",
        ),
        (
            {"host": "/nowhere"},
            TransientError,
            "No such file or directory",
            "start the server, or correct host and port in DATABASE_URL",
        ),
        (
            {"port": "99999"},
            ConfigurationError,
            'invalid port number: "99999"',
            "correct host and port in DATABASE_URL",
        ),
        (
            {"sslmode": "require"},
            ConfigurationError,
            "server does not support SSL",
            "correct sslmode and sslrootcert in DATABASE_URL",
        ),
        (
            {"sslmode": "verify"},
            ConfigurationError,
            'invalid sslmode value: "verify"',
            "correct sslmode and sslrootcert in DATABASE_URL",
        ),
        (
            {"target_session_attrs": "read-only"},
            TransientError,
            "session is not read-only",
            "wait until a matching server is up, or correct target_session_attrs in DATABASE_URL",
        ),
        (
            {"target_session_attrs": "best"},
            ConfigurationError,
            'invalid target_session_attrs value: "best"',
            "correct the parameters of DATABASE_URL",
        ),
        (
            {"service": "nowhere"},
            ConfigurationError,
            'definition of service "nowhere" not found',
            "correct the parameters of DATABASE_URL",
        ),
        (
            {"require_auth": "none"},
            ConfigurationError,
            'authentication method requirement "none" failed',
            "correct user and password in DATABASE_URL",
        ),
        (
            {"options": "-c nothing=1"},
            ConfigurationError,
            'unrecognized configuration parameter "nothing"',
            "correct options in DATABASE_URL",
        ),
        (
            {"options": "-c work_mem=much"},
            ConfigurationError,
            'invalid value for parameter "work_mem": "much"',
            "correct options in DATABASE_URL",
        ),
        (
            {"options": "-c log_statement=all"},
            ConfigurationError,
            'permission denied to set parameter "log_statement"',
            "correct options in DATABASE_URL",
        ),
        (
            {"options": "-c wal_level=logical"},
            ConfigurationError,
            'parameter "wal_level" cannot be changed',
            "correct options in DATABASE_URL",
        ),
        (
            {"options": "-c role=fanout_cdc"},
            ConfigurationError,
            'permission denied to set role "fanout_cdc"',
            "correct options in DATABASE_URL",
        ),
        (
            {"replication": "database"},
            ConfigurationError,
            "permission denied to start WAL sender",
            "run ALTER ROLE ... REPLICATION for this user",
        ),
    ],
    ids=lambda given: str(given) if isinstance(given, dict) else "",
)
def test_what_a_server_refuses_comes_with_the_setting_to_correct(
    database: Database,
    changed: dict[str, str],
    kind: type[FanoutError],
    cause: str,
    fix: str,
) -> None:
    assert_says(refusal(make_conninfo(database.writer_dsn, **changed)), kind, cause, fix)


def test_without_a_password_the_login_is_to_be_corrected(database: Database) -> None:
    dsn = database.cluster.dsn(database.name, "test_writer")
    fix = "correct user and password in DATABASE_URL"
    assert_says(refusal(dsn), ConfigurationError, "no password supplied", fix)


def test_a_database_that_lets_in_only_others_says_how_to_be_let_in(database: Database) -> None:
    with psycopg.connect(database.cluster.dsn(), autocommit=True) as owner:
        owner.execute(f"REVOKE CONNECT ON DATABASE {database.name} FROM public".encode())
    assert_says(
        refusal(database.writer_dsn),
        ConfigurationError,
        f'permission denied for database "{database.name}"',
        "GRANT CONNECT on it to this user",
    )


def test_a_database_that_takes_nobody_at_the_moment_is_worth_waiting_for(
    database: Database,
) -> None:
    change = f"ALTER DATABASE {database.name} ALLOW_CONNECTIONS"
    with psycopg.connect(database.cluster.dsn(), autocommit=True) as owner:
        owner.execute(f"{change} false".encode())
    assert_says(
        refusal(database.writer_dsn),
        TransientError,
        "is not currently accepting connections",
        "wait until the server is up",
    )


def test_a_server_without_room_is_worth_waiting_for(database: Database) -> None:
    with database.connect() as connection:
        connection.execute("CREATE ROLE test_crowd LOGIN PASSWORD 'x' CONNECTION LIMIT 0")
        try:
            dsn = make_conninfo(database.writer_dsn, user="test_crowd", password="x")  # noqa: S106
            assert_says(
                refusal(dsn),
                TransientError,
                'too many connections for role "test_crowd"',
                "close some connections, or raise the limit",
            )
        finally:
            connection.execute("DROP ROLE test_crowd")


def test_a_server_that_says_nothing_is_worth_waiting_for(database: Database) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        dsn = make_conninfo(database.writer_dsn, port=silent.getsockname()[1])
        assert_says(
            refusal(dsn),
            TransientError,
            "connection timeout expired",
            "check for a firewall on the way, or correct host and port in DATABASE_URL",
        )


@pytest.mark.parametrize(
    ("words", "kind", "fix"),
    [
        ("the database system is starting up", TransientError, "wait until the server is up"),
        ("the database system is shutting down", TransientError, "wait until the server is up"),
        (
            "sorry, too many clients already",
            TransientError,
            "close some connections, or raise the limit",
        ),
        (
            'no pg_hba.conf entry for host "10.0.0.9", user "x", database "x", no encryption',
            ConfigurationError,
            "allow this user and client address in pg_hba.conf of the server",
        ),
        (
            "unsupported startup parameter: replication",
            ConfigurationError,
            "connect to the server, not to its pooler: correct host and port in DATABASE_URL",
        ),
        (
            "Tenant or user not found",
            ConfigurationError,
            "correct user and password in DATABASE_URL",
        ),
        ("das ging nicht", TransientError, "see the server's log"),
    ],
)
def test_the_words_of_the_server_decide_and_not_the_name_of_its_host(
    words: str, kind: type[FanoutError], fix: str
) -> None:
    host = 'connection to server at "ssl.timeout.example" (10.0.0.1), port 5432'
    error = psycopg.OperationalError(f"connection failed: {host} failed: FATAL:  {words}")
    assert_says(read_refusal(error).error, kind, f"{host} failed: FATAL:  {words}", fix)


def test_a_name_server_that_is_away_is_worth_waiting_for() -> None:
    error = psycopg.OperationalError(
        "failed to resolve host 'db': [Errno -3] Temporary failure in name resolution"
    )
    assert isinstance(read_refusal(error).error, TransientError)


def test_control_the_database_of_these_tests_can_be_reached(database: Database) -> None:
    check_database(DatabaseSettings(dsn=database.writer_dsn))
