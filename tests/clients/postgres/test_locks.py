"""A session that waits for a lock learns who holds it, and does not wait forever."""

import re
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import timedelta
from io import StringIO
from pathlib import Path
from typing import Any, Final, LiteralString

import psycopg
import pytest
from psycopg.pq import PGconn
from rich.console import Console

from pipeline.clients.postgres.check import check_database
from pipeline.clients.postgres.locks import Lock, read_locks
from pipeline.clients.postgres.pool import close_pools
from pipeline.clients.postgres.retry import with_connection
from pipeline.domain.errors import TransientError
from pipeline.fanout.decide import Policy
from pipeline.fanout.handlers import HANDLERS
from pipeline.ops.dead_letters.read import read_causes, read_days, read_groups, read_letter
from pipeline.ops.dead_letters.resolve import resolve
from pipeline.ops.doctor.check import Severity
from pipeline.ops.families import MIGRATIONS
from pipeline.ops.migrate import migrate
from pipeline.ops.replay.plan import make_plan
from pipeline.ops.replay.selector import Selector
from pipeline.ops.seed import seed
from pipeline.ops.status.read import read_status
from pipeline.ops.why import read_account
from pipeline.screens.status import render
from pipeline.settings import DatabaseSettings
from tests.databases import Database
from tests.deadline import wait_until
from tests.ops.examination import found

SHORT: Final = timedelta(milliseconds=200)
LOCK: Final = Lock(
    table_name="public.notifications",
    pid=123,
    application="psql",
    user_name="ann",
    since=None,
    seconds=75.3,
    waiting=(),
    waiters=0,
    waited_seconds=None,
)


@contextmanager
def held(database: Database, statement: LiteralString) -> Iterator[int]:
    """A session that has executed a statement and then stays idle; yields its pid."""
    with psycopg.connect(database.dsn, application_name="psql") as connection:
        connection.execute(statement)
        yield connection.info.backend_pid


@contextmanager
def waiting(database: Database, statement: LiteralString) -> Iterator[int]:
    """A session that waits for a lock that the statement needs; yields its pid."""
    waiter = PGconn.connect(database.dsn.encode())
    try:
        waiter.send_query(statement.encode())
        blocked = "SELECT pg_blocking_pids(%s) <> '{}'"
        with database.connect() as connection:
            wait_until(
                lambda: connection.execute(blocked, [waiter.backend_pid]).fetchone() == (True,),
                seconds=20,
                what="it waits",
            )
        yield waiter.backend_pid
    finally:
        waiter.get_cancel().cancel()
        waiter.finish()


@pytest.fixture
def operator(database: Database) -> Iterator[DatabaseSettings]:
    """The settings of an operator with a short ``retry_for``."""
    yield DatabaseSettings(dsn=database.operator_dsn, retry_for=SHORT)
    close_pools()


def test_a_lock_is_told_in_one_line() -> None:
    assert LOCK.words == "a lock on public.notifications, held by pid 123 (psql) for 1 min"
    assert LOCK.details == f"{LOCK.words}, user ann; no session waits for it yet"
    waited = replace(LOCK, waiters=2, waiting=["fanout 0.2.0"], waited_seconds=40.0)
    assert waited.details == f"{LOCK.words}, user ann; 2 sessions wait for 40.0 s (fanout 0.2.0)"
    hidden = replace(waited, seconds=None)
    assert hidden.words.endswith("(psql) for at least 40.0 s")
    prepared = replace(LOCK, pid=0, application="", seconds=7200.0)
    assert prepared.words.endswith("held by a prepared transaction for 2.0 h")


COMMANDS: Final[dict[str, tuple[LiteralString, Callable[[DatabaseSettings], Any]]]] = {
    "why": ("notifications", lambda settings: read_account(settings, 1, None)),
    "dead-letters list": (
        "event_dead_letters",
        lambda settings: read_groups(settings, resolved=False),
    ),
    "dead-letters show": (
        "event_dead_letters",
        lambda settings: read_letter(settings, letter_id=1),
    ),
    "dead-letters stats, causes": ("event_dead_letters", read_causes),
    "dead-letters stats, days": ("event_dead_letters", read_days),
    "dead-letters resolve": (
        "event_dead_letters",
        lambda settings: resolve(settings, reason="seen", letter_id=1),
    ),
    "replay": (
        "domain_events",
        lambda settings: make_plan(
            settings, HANDLERS, Policy(), Selector(missing=True), ignore_age=False
        ),
    ),
    "the look before a start": ("fanout_migrations", check_database),
}


@pytest.mark.parametrize("command", COMMANDS)
def test_no_command_waits_for_a_lock_for_ever_and_each_says_who_holds_it(
    database: Database, operator: DatabaseSettings, command: str
) -> None:
    table, run = COMMANDS[command]
    with database.connect() as connection:
        connection.execute("INSERT INTO domain_events (event_type) VALUES ('moon_rose')")
    lock = f"LOCK TABLE {table}"
    with held(database, lock) as pid, pytest.raises(TransientError) as failure:
        run(operator)
    # An operator may not see when another user's transaction began.
    assert re.fullmatch(
        rf"a lock on public\.{table}, held by pid {pid} \(psql\) for at least [\d.]+ m?s"
        r" \(SQLSTATE 55P03\)",
        str(failure.value),
    )


def test_the_time_is_told_to_whoever_may_know(database: Database) -> None:
    settings = DatabaseSettings(dsn=database.dsn, retry_for=SHORT)
    with held(database, "LOCK TABLE notifications"), pytest.raises(TransientError) as failure:
        with_connection(settings, lambda each: each.execute("SELECT FROM notifications"))
    close_pools()
    assert re.search(r"held by pid \d+ \(psql\) for [\d.]+ m?s \(SQLSTATE", str(failure.value))


def test_whoever_holds_a_row_is_named(database: Database) -> None:
    with database.connect() as connection:
        connection.execute("INSERT INTO orgs (name, entity_type) VALUES ('Acme', 'borrower')")
    settings = DatabaseSettings(dsn=database.dsn, retry_for=SHORT)
    with (
        held(database, "SELECT FROM orgs FOR UPDATE") as pid,
        held(database, "SELECT FROM projects FOR UPDATE"),
        pytest.raises(TransientError) as failure,
    ):
        with_connection(settings, lambda each: each.execute("UPDATE orgs SET name = 'Bcme'"))
    close_pools()
    assert f"a lock on public.orgs, held by pid {pid} (psql) for" in str(failure.value)


def test_of_a_queue_the_one_at_its_head_is_named(
    database: Database, operator: DatabaseSettings
) -> None:
    with database.connect() as connection:
        connection.execute("INSERT INTO domain_events (event_type) VALUES ('moon_rose')")
    with (
        held(database, "SELECT FROM notifications") as pid,
        waiting(database, "ALTER TABLE notifications ADD tenant_id uuid") as altering,
        pytest.raises(TransientError) as failure,
    ):
        read_account(operator, 1, None)
    assert f"held by pid {pid} (psql) for" in str(failure.value)
    assert str(altering) not in str(failure.value)


def test_control_where_nobody_waits_and_nothing_is_locked_there_is_no_lock(
    database: Database,
) -> None:
    with held(database, "SELECT FROM notifications"), database.connect() as connection:
        assert read_locks(connection) == []


def test_a_row_that_somebody_waits_for_is_told_with_its_table(database: Database) -> None:
    with database.connect() as connection:
        connection.execute("INSERT INTO domain_events (event_type) VALUES ('moon_rose')")
        with (
            held(database, "SELECT FROM domain_events FOR UPDATE") as pid,
            waiting(database, "DELETE FROM domain_events"),
        ):
            [lock] = read_locks(connection)
    assert (lock.table_name, lock.pid, lock.waiters) == ("public.domain_events", pid, 1)


def test_migrate_says_who_is_in_its_way(database: Database, tmp_path: Path) -> None:
    # An extra migration with a shorter lock_timeout than usual, so that the test is fast.
    migrations = Path(shutil.copytree(MIGRATIONS, tmp_path / "migrations"))
    (migrations / "9000_more.sql").write_text(
        "SET LOCAL lock_timeout = '50ms'; ALTER TABLE public.notifications ADD more int"
    )
    with (
        held(database, "LOCK TABLE notifications") as pid,
        pytest.raises(TransientError) as failure,
    ):
        migrate(database.dsn, directory=migrations)
    assert re.fullmatch(
        rf"9000_more\.sql: a lock on public\.notifications, held by pid {pid} \(psql\)"
        r" for [\d.]+ m?s \(SQLSTATE 55P03\); the table is in use, run migrate again",
        str(failure.value),
    )
    assert migrate(database.dsn, directory=migrations) == ["9000_more.sql"]


def test_seed_gives_way_too(database: Database) -> None:
    with held(database, "LOCK TABLE profiles"), pytest.raises(TransientError, match="lock"):
        seed(database.dsn)


def shown(dsn: str) -> str:
    console = Console(file=StringIO(), width=200)
    console.print(render(read_status(DatabaseSettings(dsn=dsn))))
    assert isinstance(console.file, StringIO)
    return console.file.getvalue()


def test_status_names_table_holder_and_who_waits_and_shows_all_else(database: Database) -> None:
    assert "locks" not in shown(database.operator_dsn)
    with (
        held(database, "LOCK TABLE event_dead_letters") as pid,
        waiting(database, "SELECT FROM event_dead_letters"),
    ):
        text = shown(database.operator_dsn)
    assert re.search(r"dead letters +its table is locked", text)
    assert re.search(
        rf"locks +a lock on public\.event_dead_letters, held by pid {pid} \(psql\)"
        r" for at least [\d.]+ m?s, user postgres; 1 session waits for [\d.]+ m?s",
        text,
    )
    assert re.search(r"waiting +0 events", text)


def test_doctor_fails_while_somebody_waits_and_its_fix_ends_the_wait(database: Database) -> None:
    assert found(database, "locks").severity == Severity.OK
    with (
        suppress(psycopg.OperationalError),
        held(database, "LOCK TABLE notifications"),
        waiting(database, "SELECT FROM notifications"),
    ):
        wait_until(
            lambda: found(database, "locks", database.dsn).severity == Severity.FAILED,
            seconds=30,
            what="doctor sees the wait",
        )
        finding = found(database, "locks", database.dsn)
        assert "a lock on public.notifications, held by pid" in finding.seen
        assert "since " in finding.seen
        with database.connect() as connection:
            connection.execute((finding.fix or "").encode())
        wait_until(
            lambda: found(database, "locks", database.dsn).severity == Severity.OK,
            seconds=10,
            what="nobody holds it any more",
        )
