"""A pooler that runs each transaction in any free session."""

import json
import logging
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from datetime import timedelta
from typing import Any

import psycopg
import pytest
from psycopg import Connection
from psycopg.conninfo import make_conninfo

from pipeline.__main__ import main
from pipeline.clients.postgres.check import check_database
from pipeline.clients.postgres.pool import close_pools
from pipeline.clients.postgres.retry import with_connection
from pipeline.domain.errors import ConfigurationError
from pipeline.ops.doctor.examine import examine
from pipeline.ops.doctor.installation import Installation
from pipeline.ops.migrate import pending
from pipeline.ops.seed import clear, seed
from pipeline.ops.status.read import read_status
from pipeline.ops.why import read_account
from pipeline.settings import DatabaseSettings
from tests.clients.postgres.pgbouncer import needs_pgbouncer, pgbouncer
from tests.databases import Database
from tests.golden.stage import Stage

pytestmark = needs_pgbouncer

# More than psycopg waits for before it prepares a statement.
OFTEN = 20


@pytest.fixture(params=[True, False], ids=["options are ignored", "options are refused"])
def pooled(database: Database, request: pytest.FixtureRequest) -> Iterator[Database]:
    """The database behind a pooler in transaction mode."""
    with pgbouncer(database, "transaction", ignores_options=request.param) as behind:
        yield behind
        close_pools()


def setting(connection: Connection[Any], name: str) -> str:
    return str(connection.execute("SELECT current_setting(%s)", [name]).fetchall()[0][0])


def test_many_at_once_find_their_settings_and_never_a_statement_of_someone_else(
    pooled: Database,
) -> None:
    settings = DatabaseSettings(
        dsn=pooled.writer_dsn, pool_size=4, statement_timeout=timedelta(seconds=17)
    )

    def work(connection: Connection[Any]) -> tuple[str, ...]:
        names = ("statement_timeout", "synchronous_commit", "datestyle", "transaction_isolation")
        return tuple(setting(connection, name) for name in names)

    with ThreadPoolExecutor(4) as executor:
        found = set(executor.map(lambda _: with_connection(settings, work), range(OFTEN)))
    assert found == {("17s", "on", "ISO, MDY", "read committed")}


def test_control_a_client_that_knows_of_no_pooler_meets_the_statements_of_others(
    pooled: Database,
) -> None:
    with ExitStack() as stack:
        clients = [stack.enter_context(pooled.connect()) for _ in range(3)]
        with pytest.raises(psycopg.Error) as raised:
            ask_in_turn(clients)
    assert raised.value.sqlstate in {"42P05", "26000"}


def ask_in_turn(clients: Iterable[Connection[Any]]) -> None:
    for client in [*clients] * OFTEN:
        client.execute("SELECT %s::int", [1], prepare=True)


def test_nobody_else_finds_settings_of_ours(pooled: Database) -> None:
    settings = DatabaseSettings(dsn=pooled.writer_dsn)
    with_connection(settings, lambda connection: connection.execute("SELECT 1"))
    read_status(DatabaseSettings(dsn=pooled.operator_dsn))
    for dsn in (pooled.writer_dsn, pooled.operator_dsn):
        with ExitStack() as stack:
            for _ in range(2):
                other = stack.enter_context(psycopg.connect(dsn))
                assert setting(other, "statement_timeout") == "0"
                assert setting(other, "transaction_read_only") == "off"


def test_whoever_only_looks_can_change_nothing(pooled: Database) -> None:
    with (
        Installation(database=DatabaseSettings(dsn=pooled.dsn)) as installation,
        pytest.raises(psycopg.errors.ReadOnlySqlTransaction),
    ):
        installation.rows(b"CREATE TABLE made ()")


def test_doctor_says_that_there_is_a_pooler(pooled: Database) -> None:
    with Installation(database=DatabaseSettings(dsn=pooled.operator_dsn)) as installation:
        found = {each.check.name: each.finding for each in examine(installation)}
    finding = found["own session"]
    assert finding is not None
    assert "every transaction sends its settings" in finding.seen
    unseen = [name for name, each in found.items() if each and "could not be" in each.seen]
    assert not unseen


def test_options_of_the_address_hold_in_each_transaction(pooled: Database) -> None:
    dsn = make_conninfo(pooled.dsn, options=r"-c role=fanout_writer -c app.name=a\ b")

    def work(connection: Connection[Any]) -> tuple[str, str]:
        return setting(connection, "role"), setting(connection, "app.name")

    assert with_connection(DatabaseSettings(dsn=dsn), work) == ("fanout_writer", "a b")


def test_every_command_works(
    pooled: Database,
    database: Database,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert pending(pooled.dsn) == []
    events = seed(pooled.dsn)
    monkeypatch.setenv("DATABASE_URL", pooled.writer_dsn)
    assert main(["catch-up"]) == 0
    assert Stage(database).ledger().keys() == set(events)
    account = read_account(DatabaseSettings(dsn=pooled.operator_dsn), events[0], None)
    assert account.ledger is not None
    assert read_status(DatabaseSettings(dsn=pooled.operator_dsn)).has_events
    monkeypatch.setenv("DATABASE_URL", pooled.operator_dsn)
    capsys.readouterr()
    assert main(["dead-letters", "list", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) is not None
    assert clear(pooled.dsn) == len(events)


def test_the_start_says_in_one_line_that_there_is_a_pooler(
    pooled: Database, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO):
        check_database(DatabaseSettings(dsn=pooled.writer_dsn))
    (record,) = caplog.records
    assert record.message == (
        "DATABASE_URL points to a transaction pooler: settings are sent with each transaction,"
        " which is slower; use the port of the server itself if you can"
    )


def test_a_pooler_that_knows_no_transactions_is_named_at_the_start(database: Database) -> None:
    with (
        pgbouncer(database, "statement", ignores_options=True) as behind,
        pytest.raises(ConfigurationError, match="set pool_mode to transaction or session"),
    ):
        check_database(DatabaseSettings(dsn=behind.writer_dsn))


def test_a_pooler_that_keeps_sessions_is_no_matter(database: Database) -> None:
    with pgbouncer(database, "session", ignores_options=False) as behind:
        settings = DatabaseSettings(dsn=behind.writer_dsn, statement_timeout=timedelta(seconds=17))
        check_database(settings)
        found = with_connection(settings, lambda each: setting(each, "statement_timeout"))
        close_pools()
    assert found == "17s"


def test_control_without_a_pooler_settings_last_and_statements_are_prepared(
    database: Database,
) -> None:
    settings = DatabaseSettings(dsn=database.writer_dsn, pool_size=1)

    def work(connection: Connection[Any]) -> int:
        rows = connection.execute("SELECT count(*) FROM pg_prepared_statements").fetchall()
        return int(rows[0][0])

    assert [with_connection(settings, work) for _ in range(OFTEN)][-1] > 0
