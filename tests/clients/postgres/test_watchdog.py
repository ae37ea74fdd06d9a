"""A server that stops replying without closing anything, as behind a dead proxy or firewall."""

import os
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import psycopg
import pytest
from psycopg import Connection

from pipeline.clients.postgres.pool import close_pools
from pipeline.clients.postgres.retry import with_connection
from pipeline.clients.postgres.watchdog import Watchdog
from pipeline.settings import DatabaseSettings
from tests.databases import Database
from tests.deadline import wait_until


@contextmanager
def silenced(pid: int) -> Iterator[None]:
    """Stop a server process: its sockets stay open, its timeouts do not run."""
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


@pytest.fixture
def settings(database: Database) -> Iterator[DatabaseSettings]:
    yield DatabaseSettings(
        dsn=database.writer_dsn,
        statement_timeout=timedelta(seconds=0.5),
        retry_for=timedelta(seconds=10),
    )
    close_pools()


def test_work_on_a_silent_connection_is_done_again_on_another(settings: DatabaseSettings) -> None:
    tried: list[int] = []

    def work(connection: Connection[Any]) -> int:
        pid = connection.info.backend_pid
        tried.append(pid)
        if len(tried) == 1:
            os.kill(pid, signal.SIGSTOP)
        connection.execute("SELECT 1")
        return pid

    started = time.monotonic()
    try:
        used = with_connection(settings, work)
        assert time.monotonic() - started < settings.retry_for.total_seconds()
        assert tried == [tried[0], used]
        assert used != tried[0]
    finally:
        os.kill(tried[0], signal.SIGCONT)


def test_control_without_the_watchdog_no_timeout_helps(settings: DatabaseSettings) -> None:
    connection = psycopg.connect(
        settings.dsn,
        autocommit=True,
        options="-c statement_timeout=200",
        tcp_user_timeout=200,
    )
    ended = threading.Event()

    def ask() -> None:
        connection.execute("SELECT 1")
        ended.set()

    thread = threading.Thread(target=ask)
    with silenced(connection.info.backend_pid):
        thread.start()
        assert not ended.wait(settings.reply_timeout.total_seconds() + 1)
    wait_until(ended.is_set, seconds=30, what="the answer comes once the server goes on")
    thread.join()
    connection.close()


@pytest.fixture
def connection(settings: DatabaseSettings) -> Iterator[Connection[Any]]:
    with psycopg.connect(settings.dsn, autocommit=True) as made:
        yield made


@contextmanager
def waiting(watchdog: Watchdog, connection: Connection[Any]) -> Iterator[threading.Event]:
    """Watch a connection without replies for a minute; the event is set when it is lost."""
    asked, lost = threading.Event(), threading.Event()

    def ask() -> None:
        try:
            with watchdog.watch(connection, 60):
                asked.set()
                connection.execute("SELECT 1")
        except psycopg.OperationalError:
            lost.set()

    thread = threading.Thread(target=ask)
    with silenced(connection.info.backend_pid):
        thread.start()
        assert asked.wait(30)
        yield lost
    thread.join()


def test_a_cap_ends_a_wait_that_has_begun(connection: Connection[Any]) -> None:
    watchdog = Watchdog()
    with waiting(watchdog, connection) as lost:
        watchdog.cap_deadlines(0.2)
        assert lost.wait(10)


def test_control_without_a_cap_the_wait_goes_on(connection: Connection[Any]) -> None:
    with waiting(Watchdog(), connection) as lost:
        assert not lost.wait(2)


def test_a_cap_holds_for_waits_that_begin_later(connection: Connection[Any]) -> None:
    watchdog = Watchdog()
    watchdog.cap_deadlines(0.2)
    with waiting(watchdog, connection) as lost:
        assert lost.wait(10)


def test_under_a_cap_quick_work_is_done_as_before(connection: Connection[Any]) -> None:
    watchdog = Watchdog()
    watchdog.cap_deadlines(1.5)
    deadline = time.monotonic() + 2
    while time.monotonic() < deadline:
        with watchdog.watch(connection, 60):
            connection.execute("SELECT 1")


def test_a_shorter_deadline_than_the_cap_stays(connection: Connection[Any]) -> None:
    watchdog = Watchdog()
    with silenced(connection.info.backend_pid):
        watchdog.cap_deadlines(60)
        with pytest.raises(psycopg.OperationalError), watchdog.watch(connection, 0.2):
            connection.execute("SELECT 1")


def test_a_signal_handler_may_cap_deadlines_at_any_moment(connection: Connection[Any]) -> None:
    watchdog = Watchdog()
    ended = threading.Event()
    calls: list[int] = []

    def cap(number: int, _: object) -> None:
        watchdog.cap_deadlines(60)
        calls.append(number)

    def press() -> None:
        while not ended.wait(0.001):
            os.kill(os.getpid(), signal.SIGUSR1)

    earlier = signal.signal(signal.SIGUSR1, cap)
    thread = threading.Thread(target=press)
    thread.start()
    try:
        while len(calls) < 100:
            with watchdog.watch(connection, 60):
                pass
    finally:
        ended.set()
        thread.join()
        signal.signal(signal.SIGUSR1, earlier)
