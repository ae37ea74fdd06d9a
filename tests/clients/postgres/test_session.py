"""Our settings override those of role, database, address and environment."""

import json
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from select import select
from typing import Any, Final, LiteralString

import psycopg
import pytest
from psycopg import Connection, sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from pipeline.__main__ import main
from pipeline.clients.postgres.pool import close_pools
from pipeline.clients.postgres.retry import with_connection
from pipeline.clients.postgres.session import Session, SessionConnection
from pipeline.ops.migrate import migrate, pending
from pipeline.ops.seed import seed
from pipeline.settings import DatabaseSettings
from tests.databases import Database
from tests.golden.stage import Stage

HOSTILE: Final[dict[LiteralString, str]] = {
    "datestyle": "SQL, DMY",
    "intervalstyle": "iso_8601",
    "client_encoding": "LATIN1",
    "timezone": "Pacific/Apia",
    "bytea_output": "escape",
    "extra_float_digits": "-10",
    "standard_conforming_strings": "off",
    "row_security": "off",
    "default_transaction_isolation": "serializable",
    "default_transaction_deferrable": "on",
    "search_path": "",
    "lc_messages": "C.utf8",
    "array_nulls": "off",
    "transform_null_equals": "on",
}
# Environment variables of libpq: none of them is part of the address.
ENVIRONMENT: Final = {
    "PGTZ": "Pacific/Apia",
    "PGDATESTYLE": "SQL, DMY",
    "PGCLIENTENCODING": "LATIN1",
    "PGOPTIONS": "-c timezone=Asia/Tokyo -c intervalstyle=iso_8601",
}
SESSION: Final = Session(name="fanout-test")


@pytest.fixture
def hostile(database: Database) -> Iterator[Database]:
    """A database with other values for every setting."""
    with psycopg.connect(database.cluster.dsn(), autocommit=True) as connection:
        for name, value in HOSTILE.items():
            connection.execute(
                sql.SQL("ALTER DATABASE {} SET {} = {}").format(
                    sql.Identifier(database.name), sql.Identifier(name), value
                )
            )
    yield database
    close_pools()


def setting(connection: Connection[Any], name: str) -> str:
    return str(connection.execute("SELECT current_setting(%s)", [name]).fetchall()[0][0])


def test_settings_of_the_database_do_not_reach_us(hostile: Database) -> None:
    with SessionConnection.connect(hostile.dsn, session=SESSION) as connection:
        found = {name: setting(connection, name) for name in SESSION.settings}
    assert found == SESSION.settings | {"idle_in_transaction_session_timeout": "0"}


def test_control_they_reach_whoever_sets_nothing(hostile: Database) -> None:
    with hostile.connect() as connection:
        found = {name: setting(connection, name) for name in HOSTILE}
    assert found["datestyle"] == "SQL, DMY"
    assert found["row_security"] == "off"


def test_the_environment_of_libpq_does_not_reach_us(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    with SessionConnection.connect(database.dsn, session=SESSION) as connection:
        found = {name: setting(connection, name) for name in SESSION.settings}
    assert found == SESSION.settings


def test_every_command_works_on_such_a_database(
    hostile: Database, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert pending(hostile.dsn) == []
    events = seed(hostile.dsn)
    stage = Stage(hostile)
    with SessionConnection.connect(hostile.dsn, session=SESSION) as connection:
        connection.execute(
            'UPDATE public.domain_events SET payload = payload || \'{"note": "\N{PARTY POPPER}"}\''
        )
    monkeypatch.setenv("DATABASE_URL", hostile.writer_dsn)
    assert main(["catch-up"]) == 0
    with SessionConnection.connect(hostile.dsn, session=SESSION) as connection:
        states = connection.execute(
            "SELECT processing_status, count(*) FROM public.notification_processing GROUP BY 1"
        ).fetchall()
    # The sample has one event of each kind that is not completed.
    assert dict(states) == {"completed": len(events) - 2, "dead": 1, "unrouted": 1}
    monkeypatch.setenv("DATABASE_URL", hostile.operator_dsn)
    for command in (
        ["status", "--json"],
        ["why", "--event", str(events[0]), "--json"],
        ["dead-letters", "list", "--json"],
    ):
        capsys.readouterr()
        assert main(command) == 0
        assert json.loads(capsys.readouterr().out) is not None
    assert stage.database is hostile


def test_migrations_apply_to_such_a_database(empty_database: Database) -> None:
    with psycopg.connect(empty_database.cluster.dsn(), autocommit=True) as connection:
        for name, value in HOSTILE.items():
            connection.execute(
                sql.SQL("ALTER DATABASE {} SET {} = {}").format(
                    sql.Identifier(empty_database.name), sql.Identifier(name), value
                )
            )
    assert migrate(empty_database.dsn, reference_schema=True)


def test_a_server_that_takes_no_writes_is_not_told_to_take_them(database: Database) -> None:
    with psycopg.connect(database.cluster.dsn(), autocommit=True) as owner:
        owner.execute(
            sql.SQL("ALTER DATABASE {} SET default_transaction_read_only = on").format(
                sql.Identifier(database.name)
            )
        )
    with (
        SessionConnection.connect(database.dsn, session=SESSION) as connection,
        pytest.raises(psycopg.errors.ReadOnlySqlTransaction),
    ):
        connection.execute("CREATE TABLE made ()")


READY: Final = b"Z\x00\x00\x00\x05I"


@contextmanager
def falls_silent_once_ready(dsn: str) -> Iterator[str]:
    """The address of a relay that forwards nothing after the server's first ReadyForQuery."""
    parts = conninfo_to_dict(dsn)
    server = socket.create_connection((str(parts["host"]), int(str(parts["port"]))))
    with server, socket.create_server(("127.0.0.1", 0)) as listener:

        def relay() -> None:
            with listener.accept()[0] as client, suppress(OSError):
                ends = {client: server, server: client}
                silent = False
                while True:
                    for end in select(list(ends), [], [])[0]:
                        data = end.recv(65_536)
                        if not data:
                            return
                        if not (silent and end is server):
                            ends[end].sendall(data)
                        silent = silent or READY in data

        thread = threading.Thread(target=relay, daemon=True)
        thread.start()
        yield make_conninfo(dsn, port=listener.getsockname()[1], sslmode="disable")
        thread.join(20)
        assert not thread.is_alive()


def test_a_server_that_falls_silent_once_it_has_let_us_in_is_not_waited_for(
    database: Database,
) -> None:
    with (
        falls_silent_once_ready(database.dsn) as dsn,
        pytest.raises(psycopg.OperationalError),
    ):
        SessionConnection.connect(dsn, session=SESSION, connect_timeout=2)


def test_why_looks_at_one_snapshot_and_changes_nothing(database: Database) -> None:
    settings = DatabaseSettings(dsn=database.dsn)

    def look(connection: Connection[Any]) -> list[str]:
        names = ("transaction_isolation", "transaction_read_only")
        return [setting(connection, name) for name in names]

    assert with_connection(settings, look, snapshot=True) == ["repeatable read", "on"]
    assert with_connection(settings, look) == ["read committed", "off"]
