"""Catch-up processes every unfinished event of the ledger exactly once, despite failures."""

import json
import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import nullcontext, suppress
from datetime import timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from local.postgres import Postgres
from tests.databases import Databases, scratch_cluster
from tests.deadline import wait_until
from tests.golden.stage import D, Stage
from tests.golden.world import P1, R1, T1, U1, U2, U4
from tests.programs import Program
from tests.topology.held_up import (
    wait_until_a_write_is_held_up,
    wait_until_it_heard,
    writes_held_up,
    writes_held_up_from,
)
from tests.torture.proxy import Proxy

TABLES = (
    "notification_processing",
    "notifications",
    "pending_emails",
    "notification_decisions",
    "event_dead_letters",
)


def start(stage: Stage, *flags: str, dsn: str | None = None, log: Path | None = None) -> Program:
    """Start the command. ``log`` receives its standard error while it runs."""
    with nullcontext() if log is None else log.open("w") as errors:
        return Program(
            "pipeline",
            "catch-up",
            *flags,
            environment=os.environ | {"DATABASE_URL": dsn or stage.database.writer_dsn},
            stderr=errors,
        )


def catch_up(stage: Stage, *flags: str) -> dict[str, Any]:
    """Run the command once, and return the last line of its output."""
    process = start(stage, *flags)
    output, errors = process.communicate(timeout=60)
    assert process.returncode == 0, errors
    summary: dict[str, Any] = json.loads(output.splitlines()[-1])
    assert summary.pop("seconds") > 0
    return summary


def counts(stage: Stage) -> dict[str, int]:
    return {
        table: stage.rows(f"SELECT count(*) FROM {table}")[0][0]  # noqa: S608
        for table in TABLES
    }


def upload(stage: Stage, age: timedelta = timedelta(minutes=6)) -> int:
    return stage.emit("document_uploaded", {}, age=age, actor_id=U1, project_id=P1, resource_id=R1)


def insert_uploads(stage: Stage, number: int) -> None:
    stage.execute(
        "INSERT INTO domain_events (event_type, actor_id, project_id, resource_id)"
        " SELECT 'document_uploaded', %s, %s, %s FROM generate_series(1, %s)",
        U1, P1, R1, number,
    )  # fmt: skip


def test_every_unfinished_event_gets_its_final_state_and_the_summary_says_so(
    stage: Stage,
) -> None:
    done = upload(stage)
    stage.deliver(done)
    fresh, old = upload(stage), upload(stage, age=timedelta(hours=25))
    unknown = stage.emit("moon_rose")
    malformed = stage.emit("document_uploaded", {"fileName": []}, project_id=P1)
    assert catch_up(stage) == {
        "events": 4, "notifications": 2, "emails": 2, "skipped": 4,
        "expired": 1, "unrouted": 1, "dead": 1, "paused": 0,
    }  # fmt: skip
    assert stage.ledger() == {
        done: "completed",
        fresh: "completed",
        old: "expired",
        unknown: "unrouted",
        malformed: "dead",
    }
    before = counts(stage)
    assert catch_up(stage)["events"] == 0
    assert counts(stage) == before


def test_a_terminal_shows_how_far_it_is(stage: Stage) -> None:
    insert_uploads(stage, 2)
    environment = os.environ | {"DATABASE_URL": stage.database.writer_dsn, "TERM": "xterm"}
    ours, theirs = os.openpty()
    with os.fdopen(theirs, "w") as terminal:
        process = Program("pipeline", "catch-up", environment=environment, stderr=terminal)
    shown = b""
    # Reading a terminal whose other end is closed raises an error.
    with process, suppress(OSError):
        while piece := os.read(ours, 65_536):
            shown += piece
    os.close(ours)
    assert "events" in shown.decode()
    assert "2/2" in shown.decode()


def test_a_dry_run_changes_no_table_and_a_real_run_then_delivers_all(stage: Stage) -> None:
    for _ in range(3):
        upload(stage)
    assert catch_up(stage, "--dry-run")["notifications"] == 6
    assert set(counts(stage).values()) == {0}
    assert catch_up(stage)["notifications"] == 6
    assert len(stage.notifications()) == 6


def test_only_the_selected_events_are_processed(stage: Stage) -> None:
    old = upload(stage, age=timedelta(hours=3))
    other = stage.emit("moon_rose", age=timedelta(hours=1))
    young = upload(stage, age=timedelta(minutes=1))
    assert catch_up(stage, "--until", "2h")["events"] == 1
    assert set(stage.ledger()) == {old}
    assert catch_up(stage, "--event-type", "moon_rose")["unrouted"] == 1
    assert set(stage.ledger()) == {old, other}
    assert catch_up(stage, "--older-than", "2m")["events"] == 0
    assert catch_up(stage, "--since", "5m")["events"] == 1
    assert set(stage.ledger()) == {old, other, young}


def test_a_system_user_that_is_named_is_told_nothing(stage: Stage) -> None:
    event = upload(stage)
    told = catch_up(stage, "--system-user", str(U2), "--system-user", str(U1))
    assert (told["notifications"], told["emails"]) == (1, 1)
    assert [row.user for row in stage.notifications()] == [U4]
    assert D(U2, event, "in_app", "system_user") in stage.decisions()


def test_control_the_same_person_is_told_when_not_named(stage: Stage) -> None:
    upload(stage)
    assert catch_up(stage)["notifications"] == 2
    assert U2 in {row.user for row in stage.notifications()}


def test_events_of_any_id_and_any_date_get_a_final_state(stage: Stage) -> None:
    stage.execute("ALTER TABLE domain_events ALTER created_at DROP NOT NULL")
    dates = {
        -5: "now",
        10**10: "2100-01-01",
        10**15: "infinity",
        10**16: "-infinity",
        10**17: None,
        2**63 - 1: "2026-01-01",
    }
    for event_id, created_at in dates.items():
        stage.execute(
            "UPDATE domain_events SET id = %s, created_at = %s WHERE id = %s",
            event_id, created_at, upload(stage),
        )  # fmt: skip
    summary = catch_up(stage)
    assert (summary["events"], summary["expired"], summary["dead"]) == (6, 1, 3)
    assert stage.ledger() == {
        -5: "completed",
        10**10: "completed",
        10**15: "dead",
        10**16: "dead",
        10**17: "dead",
        2**63 - 1: "expired",
    }
    assert catch_up(stage)["events"] == 0


def test_an_event_that_is_exempt_from_the_age_limit_is_completed_by_any_run(stage: Stage) -> None:
    old, other = (upload(stage, age=timedelta(hours=25)) for _ in range(2))
    stage.execute("INSERT INTO fanout.age_exemptions VALUES (%s, gen_random_uuid())", old)
    assert catch_up(stage)["expired"] == 1
    assert stage.ledger() == {old: "completed", other: "expired"}


def test_an_event_that_commits_late_is_found_by_the_next_run(stage: Stage) -> None:
    with psycopg.connect(stage.database.dsn) as slow:
        row = slow.execute(
            "INSERT INTO domain_events (event_type) VALUES ('moon_rose') RETURNING id"
        ).fetchone()
        assert row is not None
        quick = stage.emit("moon_rose")
        assert row[0] < quick
        assert catch_up(stage)["events"] == 1
    assert catch_up(stage)["events"] == 1
    assert set(stage.ledger()) == {row[0], quick}


def test_what_needs_a_locked_row_keeps_nothing_else_from_being_caught_up(
    stage: Stage, tmp_path: Path
) -> None:
    opened, concerned = (
        stage.emit("chat_message_sent", {}, actor_id=U1, project_id=P1, thread_id=T1)
        for _ in range(2)
    )
    stage.deliver(opened)
    total = 3_000
    insert_uploads(stage, total)
    log = tmp_path / "log"
    with psycopg.connect(stage.database.dsn) as application:
        assert application.execute("SELECT id FROM notifications FOR UPDATE").fetchall()
        with start(stage, log=log) as process:
            wait_until(
                lambda: len(stage.ledger()) == 1 + total, seconds=60, what="all others are done"
            )
            assert concerned not in stage.ledger()
            wait_until(
                lambda: "1 event needs a row that is locked; retrying" in log.read_text(),
                seconds=20,
                what="it is said",
            )
            application.rollback()
            assert process.wait(30) == 0
    assert stage.ledger()[concerned] == "completed"
    assert counts(stage)["event_dead_letters"] == 0


def test_the_reconciling_loop_runs_until_it_is_stopped(stage: Stage) -> None:
    with start(stage, "--every", "1s") as process:
        first = upload(stage)
        wait_until(lambda: first in stage.ledger(), seconds=20, what="the first is done")
        second = upload(stage)
        wait_until(lambda: second in stage.ledger(), seconds=20, what="the second is done")
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == 0


def test_a_stop_in_the_middle_of_a_pass_leaves_the_rest_to_the_next(stage: Stage) -> None:
    # More than it reads in advance.
    number = 20_000
    insert_uploads(stage, number)
    ((middle,),) = stage.rows("SELECT id FROM domain_events ORDER BY id OFFSET 1200 LIMIT 1")
    with start(stage, "--every", "1s") as process:
        with writes_held_up_from(stage, middle):
            wait_until_a_write_is_held_up(stage)
            process.send_signal(signal.SIGTERM)
            wait_until_it_heard(process.pid)
        output, errors = process.communicate(timeout=10)
    assert (process.returncode, errors) == (0, "")
    (summary,) = map(json.loads, output.splitlines())
    assert 0 < done(stage) < number
    assert summary["events"] == done(stage)
    # A part of the remaining events is enough for the next pass.
    stage.execute(
        "DELETE FROM domain_events WHERE id IN"
        " (SELECT id FROM domain_events EXCEPT SELECT event_id FROM notification_processing"
        " ORDER BY 1 OFFSET 2000)"
    )
    ((left,),) = stage.rows("SELECT count(*) FROM domain_events")
    assert catch_up(stage)["events"] == left - summary["events"] > 0
    assert stage.rows("SELECT count(*) FROM notifications") == [(2 * left,)]


def test_a_stop_is_as_quick_where_the_server_has_fallen_silent(stage: Stage) -> None:
    insert_uploads(stage, 100)
    with (
        Proxy(stage.database.writer_dsn) as proxy,
        writes_held_up(stage),
        start(stage, "--every", "1s", dsn=proxy.dsn) as process,
    ):
        wait_until_a_write_is_held_up(stage)
        assert proxy.swallow() > 0
        process.send_signal(signal.SIGTERM)
        _, errors = process.communicate(timeout=10)
    assert (process.returncode, errors) == (0, "")


def test_a_second_signal_ends_the_loop_at_once(stage: Stage) -> None:
    insert_uploads(stage, 100)
    with (
        Proxy(stage.database.writer_dsn) as proxy,
        writes_held_up(stage),
        start(stage, "--every", "1s", dsn=proxy.dsn) as process,
    ):
        wait_until_a_write_is_held_up(stage)
        assert proxy.swallow() > 0
        process.send_signal(signal.SIGTERM)
        # Two signals that are seen at the same time are one.
        wait_until_it_heard(process.pid)
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(1)
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == -signal.SIGTERM


@pytest.fixture
def own_cluster() -> Iterator[Postgres]:
    with scratch_cluster() as cluster:
        yield cluster


def test_the_reconciling_loop_waits_for_a_server_that_is_away(
    own_cluster: Postgres, tmp_path: Path
) -> None:
    log = tmp_path / "log"

    def told(times: int) -> None:
        wait_until(
            lambda: log.read_text().count("; retrying until it succeeds\n") == times,
            seconds=30,
            what=f"a warning is written, for the {times}. time",
        )

    with Databases.with_template(own_cluster).migrated() as database:
        stage = Stage(database)
        own_cluster.stop()
        with start(stage, "--every", "3s", dsn=database.writer_dsn, log=log) as process:
            assert process.stdout is not None
            for outage in (1, 2):
                told(outage)
                own_cluster.start()
                stage.emit("moon_rose")
                while not json.loads(process.stdout.readline())["unrouted"]:
                    assert process.poll() is None
                # The command sleeps now: no running statement can report the outage too.
                own_cluster.crash()
            told(3)
            process.send_signal(signal.SIGTERM)
            assert process.wait(10) == 0
        own_cluster.start()
    lines = log.read_text().splitlines()
    assert len(lines) == 3
    for line in lines:
        assert "WARNING Postgres cannot be reached: connection to server at" in line


def test_control_a_single_run_ends_where_the_server_is_away(stage: Stage) -> None:
    process = start(stage, dsn=make_conninfo(stage.database.writer_dsn, port=1))
    output, errors = process.communicate(timeout=30)
    assert (process.returncode, output) == (1, "")
    assert "Connection refused; start the server" in errors


def test_the_reconciling_loop_ends_where_only_a_person_can_mend_it(stage: Stage) -> None:
    dsn = make_conninfo(stage.database.writer_dsn, password="x")  # noqa: S106 - it is wrong
    process = start(stage, "--every", "1s", dsn=dsn)
    output, errors = process.communicate(timeout=30)
    assert (process.returncode, output) == (1, "")
    assert errors.startswith("pipeline catch-up: Postgres cannot be reached: ")
    assert errors.endswith("; correct user and password in DATABASE_URL\n")
    assert errors.count("\n") == 1


def done(stage: Stage) -> int:
    return int(stage.rows("SELECT count(*) FROM notification_processing")[0][0])
