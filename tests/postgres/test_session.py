"""Sessions are as we want them, whatever role, database, address and environment say."""

import json
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from select import select
from typing import Any, Final, LiteralString

import psycopg
import pytest
from psycopg import Connection, sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from pipeline.__main__ import main
from pipeline.domain.errors import ConfigurationError
from pipeline.ops.doctor.installation import Installation
from pipeline.ops.migrate import migrate, pending
from pipeline.ops.seed import seed
from pipeline.ops.status.read import read_status
from pipeline.postgres.pool import close_pools
from pipeline.postgres.retry import with_connection
from pipeline.postgres.session import Session, SessionConnection
from pipeline.settings import DatabaseSettings
from tests.databases import Database
from tests.golden.stage import Stage
from tests.golden.world import P1, U1, U2

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
# PgOptions of libpq: none of these is part of the address.
ENVIRONMENT: Final = {
    "PGTZ": "Pacific/Apia",
    "PGDATESTYLE": "SQL, DMY",
    "PGCLIENTENCODING": "LATIN1",
    "PGOPTIONS": "-c timezone=Asia/Tokyo -c intervalstyle=iso_8601",
}
SESSION: Final = Session(name="fanout-test")


@pytest.fixture
def hostile(database: Database) -> Iterator[Database]:
    """A database that sets everything otherwise."""
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
    # The sample has one of each that is not completed.
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


READY: Final = b"Z\x00\x00\x00\x05I"


@contextmanager
def falls_silent_once_ready(dsn: str) -> Iterator[str]:
    """The address of a relay that passes on nothing after the server's first ReadyForQuery."""
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


def test_why_looks_at_one_snapshot_and_changes_nothing(database: Database) -> None:
    settings = DatabaseSettings(dsn=database.dsn)

    def look(connection: Connection[Any]) -> list[str]:
        names = ("transaction_isolation", "transaction_read_only")
        return [setting(connection, name) for name in names]

    assert with_connection(settings, look, snapshot=True) == ["repeatable read", "on"]
    assert with_connection(settings, look) == ["read committed", "off"]


TIMES: Final = ("infinity", "-infinity", "0044-03-15 BC", "20000-01-01", "9999-12-31 23:59:59.9+00")


@pytest.mark.parametrize("time", TIMES)
@pytest.mark.parametrize("kind", ["timestamptz", "timestamp", "date"])
def test_every_time_of_postgres_can_be_read(database: Database, kind: str, time: str) -> None:
    with SessionConnection.connect(database.dsn, session=SESSION) as connection:
        read = f"SELECT %(time)s::{kind}, now() - %(time)s::timestamptz, %(time)s::{kind} < now()"
        ((found, age, past),) = connection.execute(read.encode(), {"time": time}).fetchall()
    assert found.year == (1 if past else 9999)
    assert (age > timedelta(0)) is past


@pytest.mark.parametrize("time", TIMES)
def test_a_preference_of_whatever_time_stops_nobody(stage: Stage, time: str) -> None:
    stage.prefer(U2, "muted")
    stage.execute("UPDATE user_notification_preferences SET updated_at = %s", time)
    event = stage.emit("document_uploaded", {"fileName": "a.pdf"}, actor_id=U1, project_id=P1)
    stage.deliver()
    assert stage.ledger() == {event: "completed"}
    told = {row.user for row in stage.notifications()}
    assert U2 not in told
    assert told


@pytest.mark.parametrize(
    "change",
    [
        "ALTER updated_at TYPE timestamp",
        "ALTER updated_at DROP NOT NULL, ALTER updated_at TYPE timestamptz USING NULL",
    ],
)
def test_a_preference_without_a_zone_or_a_time_stops_nobody(stage: Stage, change: str) -> None:
    stage.prefer(U2, "muted")
    stage.execute(f"ALTER TABLE user_notification_preferences {change}")
    stage.prefer(U2, "muted", name="document_uploaded", channel="*")
    event = stage.emit("document_uploaded", {"fileName": "a.pdf"}, actor_id=U1, project_id=P1)
    stage.deliver()
    assert stage.ledger() == {event: "completed"}
    assert U2 not in {row.user for row in stage.notifications()}


def test_a_preference_of_a_scope_that_is_not_known_stops_nobody(stage: Stage) -> None:
    stage.execute(
        "ALTER TABLE user_notification_preferences"
        " DROP CONSTRAINT user_notification_preferences_scope_type_check"
    )
    stage.prefer(U2, "muted")
    stage.execute("UPDATE user_notification_preferences SET scope_type = 'organisation'")
    event = stage.emit("document_uploaded", {"fileName": "a.pdf"}, actor_id=U1, project_id=P1)
    stage.deliver()
    assert stage.ledger() == {event: "completed"}
    assert U2 in {row.user for row in stage.notifications()}


@pytest.mark.parametrize("time", TIMES)
def test_every_look_at_a_row_of_whatever_time_says_something(
    stage: Stage, time: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    stage.prefer(U2, "muted")
    event = stage.emit("document_uploaded", {"fileName": "a.pdf"}, actor_id=U1, project_id=P1)
    stage.deliver()
    dead = stage.emit("document_uploaded", {"fileName": 7}, actor_id=U1, project_id=P1)
    stage.deliver(dead)
    for change in (
        "UPDATE user_notification_preferences SET updated_at = %s",
        "UPDATE domain_events SET created_at = %s",
        "UPDATE notification_processing SET completed_at = %s, event_created_at = %s",
        "UPDATE notifications SET read_at = %s, created_at = %s",
        "UPDATE pending_emails SET processed_at = %s, created_at = %s",
        "UPDATE event_dead_letters SET created_at = %s, last_seen_at = %s, resolved_at = NULL",
    ):
        stage.execute(change, *[time] * change.count("%s"))
    monkeypatch.setenv("DATABASE_URL", stage.database.operator_dsn)
    for command in (
        ["status"],
        ["why", "--event", str(event)],
        ["why", "--event", str(dead)],
        ["dead-letters", "list"],
        ["dead-letters", "stats"],
        ["dead-letters", "show", "--event", str(dead)],
        ["replay", "--event", str(dead)],
    ):
        for more in ([], ["--json"]):
            if more and command[0] in {"replay"}:
                continue
            capsys.readouterr()
            assert main([*command, *more]) == 0, command
            said = capsys.readouterr().out
            assert not {"inf", "nan", "NaN", "Infinity"} & set(said.replace(",", " ").split())
