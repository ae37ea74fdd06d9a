"""The sign of life is written at once and kept fresh. A failure to write it has no effect."""

import logging
import os
import subprocess
import sys
import threading
from pathlib import Path
from typing import Final

import psycopg
import pytest

from pipeline import __version__
from pipeline.domain.graph import Graph
from pipeline.settings import DatabaseSettings
from pipeline.sinks.heartbeat import beating
from tests.databases import Database
from tests.deadline import wait_until

ROOT: Final = Path(__file__).parents[2]
WORKER: Final = """
import os, threading, time
import psycopg
from pipeline.domain.graph import Graph
from pipeline.settings import DatabaseSettings
from pipeline.sinks.heartbeat import keep_beating
dsn = os.environ["DATABASE_URL"]
for _ in range(3):
    keep_beating(DatabaseSettings(dsn=dsn), Graph.FANOUT)
print(sum(thread.name == "heartbeat" for thread in threading.enumerate()))
with psycopg.connect(dsn, autocommit=True) as connection:
    while not connection.execute("SELECT FROM fanout.graphs").fetchall():
        time.sleep(0.02)
"""
SEEN: Final = "SELECT graph, version, started_at <= last_seen_at FROM fanout.graphs"


def rows(database: Database, query: str = SEEN) -> list[tuple[object, ...]]:
    with database.connect() as connection:
        return connection.execute(query.encode()).fetchall()


def execute(database: Database, statement: str) -> None:
    with database.connect() as connection:
        connection.execute(statement.encode())


def threads() -> int:
    return sum(thread.name == "heartbeat" for thread in threading.enumerate())


def test_a_graph_that_runs_has_a_row_at_once_and_none_before(database: Database) -> None:
    settings = DatabaseSettings(dsn=database.writer_dsn)
    assert rows(database) == []
    with beating(settings, Graph.FANOUT):
        wait_until(lambda: rows(database), seconds=10, what="the first sign of life")
        assert rows(database) == [("fanout", __version__, True)]


def test_the_row_is_kept_fresh_until_the_end_and_not_beyond(database: Database) -> None:
    def last_seen() -> object:
        return rows(database, "SELECT last_seen_at FROM fanout.graphs")

    with beating(DatabaseSettings(dsn=database.writer_dsn), Graph.FANOUT, every=0.02):
        wait_until(lambda: rows(database), seconds=10, what="the first sign of life")
        first = last_seen()
        wait_until(lambda: last_seen() != first, seconds=10, what="the next sign of life")
    assert threads() == 0
    assert len(rows(database)) == 1


def test_a_database_that_comes_back_sees_the_graph_live(database: Database) -> None:
    def everyone_out() -> None:
        with psycopg.connect(database.cluster.dsn(), autocommit=True) as connection:
            connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s",
                [database.name],
            )

    with beating(DatabaseSettings(dsn=database.writer_dsn), Graph.FANOUT, every=0.02):
        wait_until(lambda: rows(database), seconds=10, what="the first sign of life")
        everyone_out()
        execute(database, "UPDATE fanout.graphs SET version = 'of old'")
        wait_until(
            lambda: rows(database) == [("fanout", __version__, True)],
            seconds=20,
            what="a sign of life after the connection was lost",
        )


def test_without_the_table_one_line_says_so_and_nothing_ends(
    database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    execute(database, "ALTER TABLE fanout.graphs RENAME TO elsewhere")
    with (
        caplog.at_level(logging.WARNING),
        beating(DatabaseSettings(dsn=database.writer_dsn), Graph.FANOUT, every=0.02),
    ):
        wait_until(lambda: caplog.messages, seconds=10, what="the line")
        execute(database, "ALTER TABLE fanout.elsewhere RENAME TO graphs")
        wait_until(lambda: rows(database), seconds=10, what="the first sign of life")
    [line] = caplog.messages
    assert "could not write the graph's sign of life" in line
    assert "python -m pipeline migrate" in line


def test_a_worker_that_sets_up_several_steps_has_one_thread_for_it(database: Database) -> None:
    # In its own process: the thread runs until the process ends.
    printed = subprocess.run(
        [sys.executable, "-c", WORKER],
        cwd=ROOT,
        env=os.environ | {"DATABASE_URL": database.writer_dsn},
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    ).stdout
    assert printed == "1\n"
    assert rows(database) == [("fanout", __version__, True)]
