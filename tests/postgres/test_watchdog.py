"""A server that falls silent without closing anything, as behind a dead proxy or firewall."""

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

from pipeline.postgres.pool import close_pools
from pipeline.postgres.retry import with_connection
from pipeline.settings import DatabaseSettings
from tests.databases import Database
from tests.deadline import wait_until


@contextmanager
def silenced(pid: int) -> Iterator[None]:
    """Stop a server process in its tracks: its sockets stay open, its time-outs do not run."""
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


@pytest.fixture
def settings(database: Database) -> Iterator[DatabaseSettings]:
    yield DatabaseSettings(
        dsn=database.writer_dsn,
        statement_timeout=timedelta(seconds=0.2),
        patience=timedelta(seconds=10),
    )
    close_pools()


def test_work_on_a_silent_connection_is_done_again_on_another(settings: DatabaseSettings) -> None:
    silent: list[int] = []

    def work(connection: Connection[Any]) -> int:
        pid = connection.info.backend_pid
        if not silent:
            silent.append(pid)
            os.kill(pid, signal.SIGSTOP)
        connection.execute("SELECT 1")
        return pid

    started = time.monotonic()
    try:
        used = with_connection(settings, work)
        assert used != silent[0]
        assert time.monotonic() - started < settings.silence.total_seconds() + 1
    finally:
        os.kill(silent[0], signal.SIGCONT)


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
        assert not ended.wait(settings.silence.total_seconds() + 1)
    wait_until(ended.is_set, seconds=5, what="the answer comes once the server goes on")
    thread.join()
    connection.close()
