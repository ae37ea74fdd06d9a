"""The parameters of DATABASE_URL."""

from typing import Any, Final

import pytest
from psycopg import Connection
from psycopg.conninfo import make_conninfo

from pipeline.clients.postgres.pool import close_pools
from pipeline.clients.postgres.retry import with_connection
from pipeline.clients.postgres.session import Session, SessionConnection
from pipeline.domain.errors import ConfigurationError
from pipeline.ops.doctor.installation import Installation
from pipeline.ops.status.read import read_status
from pipeline.settings import DatabaseSettings
from tests.databases import Database

SESSION: Final = Session(name="fanout-test")


def setting(connection: Connection[Any], name: str) -> str:
    return str(connection.execute("SELECT current_setting(%s)", [name]).fetchall()[0][0])


@pytest.mark.parametrize("read_only", [False, True])
def test_the_address_may_ask_for_a_server_that_takes_writes(
    database: Database,
    read_only: bool,  # noqa: FBT001
) -> None:
    dsn = make_conninfo(database.dsn, target_session_attrs="read-write")
    session = Session(name="fanout-test", read_only=read_only)
    with SessionConnection.connect(dsn, session=session) as connection:
        assert setting(connection, "transaction_read_only") == ("on" if read_only else "off")


def test_status_and_doctor_look_at_a_server_that_takes_writes(database: Database) -> None:
    dsn = make_conninfo(database.operator_dsn, target_session_attrs="read-write")
    assert read_status(DatabaseSettings(dsn=dsn)).has_events is False
    with Installation(database=DatabaseSettings(dsn=dsn)) as installation:
        assert installation.rows(b"SELECT 1 AS one")


def test_options_of_the_address_are_kept_beside_ours(database: Database) -> None:
    login = "test_noinherit"
    with database.connect() as owner:
        owner.execute(
            "CREATE ROLE test_noinherit LOGIN NOINHERIT PASSWORD 'x' IN ROLE fanout_writer"
        )
        try:
            dsn = make_conninfo(
                database.dsn,
                user=login,
                password="x",  # noqa: S106
                options="-c role=fanout_writer -c statement_timeout=5s -c work_mem=8MB",
            )
            settings = DatabaseSettings(dsn=dsn)
            names = ("role", "work_mem", "statement_timeout", "lock_timeout")
            found = with_connection(
                settings, lambda connection: [setting(connection, name) for name in names]
            )
        finally:
            close_pools()
            owner.execute("DROP ROLE test_noinherit")
    assert found == ["fanout_writer", "8MB", "30s", "5s"]


def test_options_of_the_environment_are_kept_where_the_address_has_none(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PGOPTIONS", "-c work_mem=8MB")
    with SessionConnection.connect(database.dsn, session=SESSION) as connection:
        assert setting(connection, "work_mem") == "8MB"


@pytest.mark.parametrize(
    ("dsn", "name"),
    [
        ("postgresql://u:canary@h/d?sslmod=require", "sslmod"),
        ("postgresql://h/d?pasword=canary", "pasword"),
        ("postgresql://passenger@h/d?foo=1", "foo"),
        ("host=h sslmod=require", "sslmod"),
    ],
)
def test_a_parameter_that_is_not_known_is_named(dsn: str, name: str) -> None:
    with pytest.raises(ConfigurationError) as raised:
        DatabaseSettings(dsn=dsn)
    assert str(raised.value) == f"invalid DATABASE_URL: unknown parameter '{name}'"


@pytest.mark.parametrize(
    "dsn",
    [
        "postgresql://u:se/cret?canary=y@h/d",
        "postgresql://h/d?password=se&canary=1",
        "host=h password=se canary=1",
        "host=h password=se canary",
        "postgresql://u:se%canary@h/d",
    ],
)
def test_what_may_be_a_piece_of_a_secret_is_not_quoted(dsn: str) -> None:
    with pytest.raises(ConfigurationError, match=r"^invalid DATABASE_URL: ") as raised:
        DatabaseSettings(dsn=dsn)
    assert "canary" not in str(raised.value)
