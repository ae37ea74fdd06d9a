"""The bounded run: everything the ledger shows as unfinished, exactly once, whatever happens."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest

from local.postgres import Postgres
from tests.databases import Databases, scratch_cluster
from tests.deadline import wait_until
from tests.golden.stage import Stage
from tests.golden.world import P1, R1, U1, U2, U4, populate

ROOT = Path(__file__).parents[2]
TABLES = (
    "notification_processing",
    "notifications",
    "pending_emails",
    "notification_decisions",
    "event_dead_letters",
)


def start(stage: Stage, *flags: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "pipeline", "catch-up", *flags],
        cwd=ROOT,
        env=os.environ | {"DATABASE_URL": stage.database.writer_dsn},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def catch_up(stage: Stage, *flags: str) -> dict[str, Any]:
    """Run it once; gives the last line of its output."""
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
        "expired": 1, "unrouted": 1, "dead": 1,
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


def test_the_reconciling_loop_runs_until_it_is_stopped(stage: Stage) -> None:
    with start(stage, "--every", "1s") as process:
        first = upload(stage)
        wait_until(lambda: first in stage.ledger(), seconds=20, what="the first is done")
        second = upload(stage)
        wait_until(lambda: second in stage.ledger(), seconds=20, what="the second is done")
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == 0


@pytest.fixture
def own_cluster() -> Iterator[Postgres]:
    with scratch_cluster() as cluster:
        yield cluster


def test_a_server_that_crashes_twice_in_the_middle_costs_and_repeats_nothing(
    own_cluster: Postgres,
) -> None:
    number = 20_000
    with Databases.with_template(own_cluster).migrated() as database:
        stage = Stage(database)
        with database.connect() as connection:
            populate(connection)
        insert_uploads(stage, number)
        process = start(stage)
        for share in (0.2, 0.6):
            wait_until_done(stage, round(number * share))
            own_cluster.crash()
            own_cluster.start()
            assert done(stage) < number, "crashed too late to prove anything"
        output, errors = process.communicate(timeout=120)
        assert process.returncode == 0, errors
        assert "trying again" in errors
        assert stage.rows(
            "SELECT processing_status, count(*) FROM notification_processing GROUP BY 1"
        ) == [("completed", number)]
        assert sorted(
            stage.rows("SELECT user_id, count(*) FROM notifications GROUP BY 1")
        ) == sorted([(U2, number), (U4, number)])
        assert stage.rows("SELECT count(*) FROM event_dead_letters") == [(0,)]
        # A write whose answer was lost is repeated, and then found done: not counted twice.
        assert json.loads(output.splitlines()[-1])["events"] <= number


def done(stage: Stage) -> int:
    return int(stage.rows("SELECT count(*) FROM notification_processing")[0][0])


def wait_until_done(stage: Stage, number: int) -> None:
    wait_until(lambda: done(stage) >= number, seconds=60, what=f"{number} events done")
