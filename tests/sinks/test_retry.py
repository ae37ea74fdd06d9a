from dataclasses import replace
from datetime import timedelta
from typing import Any, Final

import psycopg
import pytest

from pipeline.clients.postgres.pool import get_pool
from pipeline.clients.postgres.retry import with_connection
from pipeline.domain.errors import ConfigurationError, RejectedByDatabase, TransientError
from pipeline.settings import DatabaseSettings
from pipeline.sinks.outcomes import write_outcomes
from tests.builders import BOB, activity, notification, outcome
from tests.databases import Database
from tests.sinks.conftest import Written

SHORT: Final = timedelta(seconds=0.2)


def terminate(database: Database, pid: int) -> None:
    """End a server process, and return when it has ended."""
    with database.connect() as connection:
        ended = connection.execute("SELECT pg_terminate_backend(%s, 5000)", [pid]).fetchone()
    assert ended == (True,)


def test_a_connection_cut_before_the_statement_is_replaced(written: Written) -> None:
    pids: list[int] = []

    def work(connection: psycopg.Connection[Any]) -> int:
        pids.append(connection.info.backend_pid)
        if len(pids) == 1:
            terminate(written.database, pids[0])
        connection.execute("SELECT 1")
        return len(pids)

    assert with_connection(written.settings, work) == 2
    assert len(set(pids)) == 2


def test_work_that_was_committed_before_the_cut_is_not_done_twice(written: Written) -> None:
    batch = [outcome(1, (BOB, notification())), outcome(2, (BOB, activity()))]
    attempts: list[int] = []

    def work(connection: psycopg.Connection[Any]) -> None:
        attempts.append(connection.info.backend_pid)
        assert not write_outcomes(written.settings, batch).letters
        if len(attempts) == 1:
            terminate(written.database, attempts[0])
            connection.execute("SELECT 1")

    with_connection(written.settings, work)
    assert len(attempts) == 2
    assert written.rows("SELECT event_id, payload -> 'count' FROM notifications ORDER BY 1") == [
        (1, None),
        (2, 1),
    ]


def test_idle_connections_that_were_cut_cost_no_event(written: Written) -> None:
    write_outcomes(written.settings, [outcome(1)])
    for (pid,) in written.rows(
        "SELECT pid FROM pg_stat_activity WHERE datname = current_database()"
        " AND application_name LIKE 'fanout %%' AND pid <> pg_backend_pid()"
    ):
        terminate(written.database, pid)
    assert not write_outcomes(written.settings, [outcome(2)]).letters
    assert written.ledger() == {1: "completed", 2: "completed"}


def test_what_stays_transient_is_raised_when_retry_for_ends(written: Written) -> None:
    attempts: list[int] = []

    def work(connection: psycopg.Connection[Any]) -> None:
        attempts.append(1)
        connection.execute("DO $$ BEGIN RAISE SQLSTATE '40001'; END $$")

    with pytest.raises(TransientError, match=r"conflicted with another one \(SQLSTATE 40001\)"):
        with_connection(replace(written.settings, retry_for=SHORT), work)
    assert len(attempts) > 1


@pytest.mark.parametrize(
    ("sqlstate", "kind"), [("23505", RejectedByDatabase), ("42P01", ConfigurationError)]
)
def test_what_will_not_pass_is_raised_at_once(
    written: Written, sqlstate: str, kind: type[Exception]
) -> None:
    attempts: list[int] = []

    def work(_: psycopg.Connection[Any]) -> None:
        attempts.append(1)
        raise psycopg.errors.lookup(sqlstate)

    with pytest.raises(kind):
        with_connection(written.settings, work)
    assert attempts == [1]


def test_an_error_that_is_not_of_the_database_passes_untouched(written: Written) -> None:
    def work(_: psycopg.Connection[Any]) -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        with_connection(written.settings, work)


def test_a_missing_table_names_the_fix(written: Written) -> None:
    with written.database.connect() as connection:
        connection.execute("DROP TABLE notification_decisions")
    with pytest.raises(ConfigurationError, match=r"run: python -m pipeline migrate$"):
        write_outcomes(written.settings, [outcome(1)])


def test_a_role_without_rights_names_the_fix(written: Written) -> None:
    settings = DatabaseSettings(dsn=written.database.cdc_dsn)
    with pytest.raises(ConfigurationError, match=r"denied for .* see: python -m pipeline doctor$"):
        write_outcomes(settings, [outcome(1)])


def test_a_server_that_is_not_there_can_be_tried_again(written: Written) -> None:
    settings = DatabaseSettings(dsn="postgresql://nobody@127.0.0.1:1/x", retry_for=SHORT)
    with pytest.raises(TransientError, match=r"^Postgres cannot be reached"):
        write_outcomes(settings, [outcome(1)])
    assert written.ledger() == {}


def test_a_process_has_one_bounded_pool_for_the_same_settings(written: Written) -> None:
    pool = get_pool(written.settings)
    assert get_pool(replace(written.settings)) is pool
    assert pool.max_size == written.settings.pool_size
    with pool.connection() as connection:
        assert connection.autocommit
        assert connection.info.parameter_status("application_name") == "fanout 0.2.0"
        row = connection.execute(
            "SELECT current_setting('statement_timeout'), current_setting('synchronous_commit')"
        ).fetchone()
    assert row == ("30s", "on")
