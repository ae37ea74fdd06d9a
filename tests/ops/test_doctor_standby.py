"""Doctor and status on a standby, and on slots that the server has invalidated."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from io import StringIO
from pathlib import Path
from typing import Final

import psycopg
import pytest
from rich.console import Console

from local import processes
from local.postgres import Postgres
from local.postgres.home import Home
from pipeline.ops.doctor.check import Severity
from pipeline.ops.doctor.checks.slots import REASONS, judge_slot
from pipeline.ops.status.figures import StatusFigures
from pipeline.ops.status.read import read_status
from pipeline.screens.status import render
from pipeline.settings import CAPTURE_NAME, DatabaseSettings
from tests.databases import Database, Databases, scratch_cluster
from tests.deadline import wait_until
from tests.ops.examination import found, slot
from tests.ops.test_doctor_capture import WELL

FOLLOWS: Final = """
primary_slot_name = 'standby'
hot_standby_feedback = on
sync_replication_slots = on
"""


@contextmanager
def standby_of(primary: Postgres, database: str) -> Iterator[Postgres]:
    """A server that follows the primary and copies its slots."""
    with psycopg.connect(primary.dsn(), autocommit=True) as connection:
        connection.execute("SELECT pg_create_physical_replication_slot('standby')")
    folder = Path(tempfile.mkdtemp(prefix="fanout-standby-"))
    home = Home.prepare(folder)
    password = home.folder / "password"
    password.touch(mode=0o600)
    password.write_text(primary.dsn().split(":")[2].partition("@")[0])
    home.give(password)
    with (home.folder / "postgres.log").open("wb") as log:
        address = primary.dsn(database)
        flags = ("--checkpoint=fast", "--wal-method=stream", "--write-recovery-conf", "--no-sync")
        backup = home.popen(
            "pg_basebackup", "-d", address, "-D", str(home.folder / "data"), *flags, output=log
        )
        try:
            assert backup.wait(60) == 0, (home.folder / "postgres.log").read_text()
        finally:
            processes.end(backup, timeout=5)
    with (home.folder / "data/postgresql.auto.conf").open("a") as settings:
        settings.write(FOLLOWS)
    standby = Postgres(folder, durable=False)
    try:
        standby.start()
        yield standby
    finally:
        standby.stop()
        standby.remove()


def status_of(database: Database) -> StatusFigures:
    return read_status(DatabaseSettings(dsn=database.operator_dsn))


def screen(status: StatusFigures) -> str:
    text = StringIO()
    Console(file=text, width=80).print(render(status))
    return text.getvalue()


def test_a_standby_is_named_and_whether_it_has_the_slot() -> None:
    with (
        scratch_cluster() as primary,
        Databases.with_template(primary).migrated() as database,
        standby_of(primary, database.name) as cluster,
    ):
        copy = Database(database.name, cluster)
        missing = found(copy, "slot")
        assert missing.severity == Severity.WARNING
        assert "after a failover no event would be captured" in missing.seen
        with slot(database, read=False), database.connect() as connection:

            def is_copied() -> bool:
                # The standby keeps a copy only after the primary's slot has moved on.
                connection.execute("SELECT pg_log_standby_snapshot()")
                advance = "SELECT pg_replication_slot_advance(%s, pg_current_wal_lsn())"
                connection.execute(advance, [CAPTURE_NAME])
                return found(copy, "slot").severity == Severity.OK

            wait_until(is_copied, seconds=60, what="the standby has a copy of the slot")
            assert found(copy, "slot").seen.startswith("fanout_events, a copy of the primary's")
            assert "on a standby" in found(copy, "connection").seen
            assert found(copy, "heartbeat").seen == "not checked: this is a standby"
            assert found(copy, "pipeline").severity == Severity.OK
            status = status_of(copy)
            assert status.slot is not None
            assert status.slot.synced
            assert "a standby's copy of the slot" in screen(status)


@pytest.fixture
def idle(database: Database) -> Iterator[Database]:
    """A database whose server invalidates a slot that nobody reads for a second."""
    with database.connect() as connection:
        connection.execute("ALTER SYSTEM SET idle_replication_slot_timeout = '1s'")
        connection.execute("SELECT pg_reload_conf()")
        yield database
        connection.execute("ALTER SYSTEM RESET idle_replication_slot_timeout")
        connection.execute("SELECT pg_reload_conf()")


def test_a_slot_that_is_lost_for_want_of_a_reader_is_named_with_the_setting(
    idle: Database,
) -> None:
    with slot(idle, read=False):
        wait_until(
            lambda: "idle_replication_slot_timeout" in found(idle, "log kept").seen,
            seconds=20,
            what="the setting is a warning",
        )
        limited = status_of(idle)
        assert limited.idle_slot_seconds == 1
        assert "lost if nobody reads it for 1.0 s" in screen(limited)
        with idle.connect() as connection:

            def is_lost() -> bool:
                connection.execute("CHECKPOINT")
                return found(idle, "slot").seen.startswith("the log that the slot needs is gone")

            wait_until(is_lost, seconds=30, what="the server invalidates the slot")
            finding = found(idle, "slot")
            assert finding.severity == Severity.FAILED
            assert "for longer than idle_replication_slot_timeout" in finding.seen
            lost = status_of(idle)
            assert lost.slot is not None
            assert lost.slot.invalidation_reason == "idle_timeout"
            assert "the log that it needs is gone (idle_timeout)" in " ".join(screen(lost).split())
            setting, _, anew = (finding.fix or "").partition("; then ")
            assert anew.endswith("python -m pipeline catch-up")
            for statement in setting.split("; "):
                connection.execute(statement.encode())
            wait_until(
                lambda: status_of(idle).idle_slot_seconds is None,
                seconds=20,
                what="the limit is removed",
            )


@pytest.mark.parametrize("reason", REASONS)
def test_why_a_slot_was_given_up_is_said_with_what_keeps_it_from_happening_again(
    reason: str,
) -> None:
    finding = judge_slot(replace(WELL, reason=reason, active=False), WELL.database)
    why, remedy = REASONS[reason]
    assert finding.severity == Severity.FAILED
    assert finding.seen.endswith(why)
    assert finding.fix is not None
    assert finding.fix.startswith(remedy)
    assert f"pg_drop_replication_slot('{CAPTURE_NAME}')" in finding.fix
    assert finding.fix.endswith("then: python -m pipeline catch-up")
