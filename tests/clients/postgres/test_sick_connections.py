"""Connections on which no work can succeed, and statements that are left behind."""

import socket
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any, Final, LiteralString

import psycopg
import pytest
from psycopg import Connection, sql
from psycopg.conninfo import make_conninfo

from local.postgres import Postgres
from local.postgres.home import Home
from pipeline.clients.postgres.pool import close_pools, get_pool
from pipeline.clients.postgres.retry import with_connection
from pipeline.clients.postgres.session import Session, SessionConnection
from pipeline.clients.postgres.watchdog import WATCHDOG
from pipeline.domain.errors import StatementTimeout, TransientError
from pipeline.settings import DatabaseSettings
from tests.databases import Database, scratch_cluster
from tests.deadline import wait_until

POOL: Final = 4
IMPATIENT: Final = timedelta(seconds=0.1)
RENAME: Final = b"UPDATE orgs SET name = 'Acme'"
NAMES: Final = b"SELECT full_name FROM profiles"
INSERT: Final = b"INSERT INTO made VALUES (1)"
# More than psycopg waits for before it prepares a statement.
OFTEN: Final = 8


@pytest.fixture
def settings(database: Database) -> Iterator[DatabaseSettings]:
    """The settings of a pool whose login may do everything."""
    yield DatabaseSettings(dsn=database.dsn, pool_size=POOL)
    close_pools()


def set_default(database: Database, name: str, value: str | None) -> None:
    """Set the default of a setting for new sessions of the database."""
    change = sql.SQL("ALTER DATABASE {} ").format(sql.Identifier(database.name))
    what = sql.SQL("RESET {}" if value is None else "SET {} = {}").format(
        sql.Identifier(name), *([] if value is None else [value])
    )
    with psycopg.connect(database.cluster.dsn(), autocommit=True) as connection:
        connection.execute(change + what)


def fill(settings: DatabaseSettings, statement: bytes) -> None:
    """Open every connection of the pool, and run the statement on each until it is prepared."""
    with ExitStack() as taken:
        for _ in range(POOL):
            connection = taken.enter_context(get_pool(settings).connection())
            for _ in range(OFTEN):
                with suppress(psycopg.Error):
                    connection.execute(statement)


def execute(settings: DatabaseSettings, statement: bytes) -> None:
    with_connection(settings, lambda connection: connection.execute(statement))


def test_after_a_phase_without_writes_no_connection_of_it_is_used_again(
    database: Database, settings: DatabaseSettings
) -> None:
    set_default(database, "default_transaction_read_only", "on")
    fill(settings, RENAME)
    with pytest.raises(TransientError, match=r"accepts no writes: .* \(SQLSTATE 25006\)"):
        execute(replace(settings, retry_for=IMPATIENT), RENAME)
    set_default(database, "default_transaction_read_only", None)
    started = time.monotonic()
    execute(settings, RENAME)
    assert time.monotonic() - started < 5


def test_control_the_pool_by_itself_offers_a_connection_of_that_phase_for_ever(
    database: Database, settings: DatabaseSettings
) -> None:
    set_default(database, "default_transaction_read_only", "on")
    fill(settings, RENAME)
    set_default(database, "default_transaction_read_only", None)
    for _ in range(2 * POOL):
        with (
            pytest.raises(psycopg.errors.ReadOnlySqlTransaction),
            get_pool(settings).connection() as connection,
        ):
            connection.execute(RENAME)


def test_a_column_whose_type_was_changed_costs_one_connection_and_no_work(
    database: Database, settings: DatabaseSettings
) -> None:
    fill(settings, NAMES)
    with database.connect() as owner:
        owner.execute("ALTER TABLE profiles ALTER COLUMN full_name TYPE varchar(300)")
    tries: list[int] = []

    def work(connection: Connection[Any]) -> None:
        tries.append(connection.info.backend_pid)
        connection.execute(NAMES)

    with_connection(settings, work)
    assert len(tries) == len(set(tries)) == 2


@pytest.mark.parametrize("sqlstate", ["25P02", "26000", "42P05", "08006", "57P01"])
def test_an_error_of_the_connection_is_not_met_twice(
    settings: DatabaseSettings, sqlstate: str
) -> None:
    tries: list[int] = []

    def work(connection: Connection[Any]) -> None:
        tries.append(connection.info.backend_pid)
        if len(tries) == 1:
            connection.execute(f"DO $$ BEGIN RAISE SQLSTATE '{sqlstate}'; END $$".encode())

    fill(settings, b"SELECT 1")
    with_connection(settings, work)
    assert len(set(tries)) == 2


TIMEOUTS: Final[tuple[LiteralString, ...]] = (
    "statement_timeout",
    "lock_timeout",
    "transaction_timeout",
    "idle_session_timeout",
    "idle_in_transaction_session_timeout",
)


def test_time_outs_of_the_database_are_not_ours(
    database: Database, settings: DatabaseSettings
) -> None:
    for name in TIMEOUTS:
        set_default(database, name, "100ms")

    def work(connection: Connection[Any]) -> int:
        with connection.transaction():
            connection.execute("SELECT pg_sleep(0.3)")
            time.sleep(0.3)
            connection.execute("SELECT pg_sleep(0.3)")
        time.sleep(0.3)
        connection.execute("SELECT 1")
        return connection.info.backend_pid

    assert with_connection(settings, work) == with_connection(settings, work)


@pytest.mark.parametrize("name", ["statement_timeout", "transaction_timeout"])
def test_control_such_a_time_out_ends_whoever_does_not_set_it(
    database: Database, name: LiteralString
) -> None:
    set_default(database, name, "100ms")
    with database.connect() as connection, pytest.raises(psycopg.Error):
        connection.execute("SELECT pg_sleep(5)")


def test_our_own_time_out_is_raised_at_once_so_that_less_can_be_tried(
    settings: DatabaseSettings,
) -> None:
    hasty = replace(settings, statement_timeout=IMPATIENT, retry_for=timedelta(seconds=60))
    with pytest.raises(StatementTimeout, match=r"took longer than 0.1 s"):
        execute(hasty, b"SELECT pg_sleep(20)")


# Postgres stores two bits per transaction, in files of 32 pages of 8 kB.
TRANSACTIONS_A_FILE: Final = 32 * 8_192 * 4
BYTES_A_FILE: Final = 32 * 8_192


@pytest.fixture
def worn_out(tmp_path: Path) -> Iterator[Postgres]:
    """A server that starts no more transactions until it is vacuumed."""
    folder = tmp_path / "cluster"
    with Postgres(folder, durable=False) as cluster:
        with psycopg.connect(cluster.dsn(), autocommit=True) as connection:
            connection.execute("CREATE TABLE made (id int)")
        cluster.stop()
        home = Home.prepare(folder)
        data = home.folder / "data"
        # A million short of where the oldest that is still seen would lie in the future.
        newest = 2**31 - 1_000_000
        with (tmp_path / "log").open("ab") as log:
            reset = home.popen("pg_resetwal", "-f", "-x", str(newest), str(data), output=log)
            assert reset.wait(20) == 0
        states = data / "pg_xact" / f"{newest // TRANSACTIONS_A_FILE:04X}"
        states.write_bytes(bytes(BYTES_A_FILE))
        home.give(states)
        cluster.start()
        yield cluster
    cluster.remove()


def test_a_server_that_is_out_of_transactions_is_waited_for_and_buries_nothing(
    worn_out: Postgres,
) -> None:
    settings = DatabaseSettings(dsn=worn_out.dsn(), retry_for=IMPATIENT)
    with pytest.raises(TransientError, match=r"until it is vacuumed \(SQLSTATE 54000\)"):
        execute(settings, INSERT)
    close_pools()


@pytest.fixture(scope="module")
def hanging() -> Iterator[Postgres]:
    """A server on which commits wait for a missing standby."""
    with scratch_cluster() as cluster:
        with psycopg.connect(cluster.dsn(), autocommit=True) as connection:
            connection.execute("CREATE TABLE made (id int)")
        wait_for_standby(cluster, "nobody")
        yield cluster


def wait_for_standby(cluster: Postgres, name: str) -> None:
    with psycopg.connect(cluster.dsn(), autocommit=True) as connection:
        change = sql.SQL("ALTER SYSTEM SET synchronous_standby_names = {}").format(name)
        connection.execute(change)
        connection.execute("SELECT pg_reload_conf()")
        wait_until(
            lambda: name == connection.execute("SHOW synchronous_standby_names").fetchall()[0][0],
            seconds=20,
            what="the server reads its configuration",
        )


def waiting(cluster: Postgres) -> int:
    with psycopg.connect(cluster.dsn()) as connection:
        found = connection.execute(
            "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'SyncRep'"
        ).fetchall()
    return int(found[0][0])


def test_while_commits_hang_only_so_many_statements_are_left_behind(hanging: Postgres) -> None:
    settings = DatabaseSettings(
        dsn=hanging.dsn(), pool_size=2, statement_timeout=IMPATIENT, retry_for=IMPATIENT
    )
    failures = []
    for _ in range(3 * settings.pool_size):
        with pytest.raises(TransientError) as raised:
            execute(settings, INSERT)
        failures.append(str(raised.value))
    assert waiting(hanging) == settings.pool_size
    assert failures[-1] == (
        "2 of our statements still run in the server after their connections were lost;"
        " they wait for a standby: see synchronous_standby_names"
    )
    wait_for_standby(hanging, "")
    wait_until(lambda: waiting(hanging) == 0, seconds=20, what="what hung comes to an end")
    execute(settings, INSERT)
    close_pools()
    wait_for_standby(hanging, "nobody")


def test_control_each_try_that_is_given_up_leaves_one_behind(hanging: Postgres) -> None:
    before = waiting(hanging)
    for _ in range(4):
        with (
            SessionConnection.connect(hanging.dsn(), session=Session(name="test")) as connection,
            WATCHDOG.watch(connection, 0.2),
            suppress(psycopg.OperationalError),
        ):
            connection.execute(INSERT)
    assert waiting(hanging) == before + 4


@contextmanager
def silent_server() -> Iterator[tuple[int, list[socket.socket]]]:
    """A port that accepts connections and sends nothing: its number, and the connections."""
    taken: list[socket.socket] = []
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def accept() -> None:
            with suppress(OSError):
                while True:
                    taken.append(listener.accept()[0])

        thread = threading.Thread(target=accept, daemon=True)
        thread.start()
        yield listener.getsockname()[1], taken
        listener.shutdown(socket.SHUT_RDWR)
        thread.join()
    for each in taken:
        each.close()


def test_however_many_wait_for_a_connection_only_the_pool_connects(database: Database) -> None:
    with silent_server() as (port, taken):
        settings = DatabaseSettings(
            dsn=make_conninfo(database.dsn, port=port, sslmode="disable"),
            pool_size=2,
            retry_for=timedelta(seconds=1),
        )

        def fail(_: int) -> None:
            with pytest.raises(TransientError, match=r"^Postgres cannot be reached: "):
                execute(settings, b"SELECT 1")

        with ThreadPoolExecutor(8) as executor:
            list(executor.map(fail, range(8)))
        assert 0 < len(taken) <= settings.pool_size
        for each in taken:
            each.shutdown(socket.SHUT_RDWR)
        close_pools()


def test_whoever_waits_for_the_pool_is_told_what_the_server_said(database: Database) -> None:
    with database.connect() as owner:
        owner.execute("CREATE ROLE test_full LOGIN CONNECTION LIMIT 0 PASSWORD 'x'")
        try:
            dsn = make_conninfo(database.dsn, user="test_full", password="x")  # noqa: S106
            settings = DatabaseSettings(dsn=dsn, retry_for=timedelta(seconds=1))
            with pytest.raises(TransientError, match='too many connections for role "test_full"'):
                execute(settings, b"SELECT 1")
        finally:
            close_pools()
            owner.execute("DROP ROLE test_full")
