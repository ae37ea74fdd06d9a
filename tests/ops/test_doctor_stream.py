"""Doctor on the pipeline: events that wait or were passed over, and another program."""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from subprocess import CompletedProcess

import psycopg
import pytest

from pipeline.ops.doctor.check import Finding, Severity
from pipeline.ops.status.figures import Pipeline
from pipeline.ops.status.read import read_status
from pipeline.settings import DatabaseSettings
from tests.databases import Database
from tests.ops.examination import beat, found, slot
from tests.programs import Program


@contextmanager
def connected(database: Database, version: str = "0.2.0") -> Iterator[None]:
    """A pipeline that has a connection."""
    with psycopg.connect(database.writer_dsn, application_name=f"fanout {version}"):
        yield


def insert(database: Database, number: int, age: str) -> None:
    """Insert events without a row in the ledger."""
    with database.connect() as connection:
        connection.execute(
            "INSERT INTO domain_events (event_type, payload, created_at)"
            " SELECT 'moon_rose', '{}', now() - %s::interval FROM generate_series(1, %s)",
            [age, number],
        )


def do(
    database: Database, age: str, *, processor: str = "fanout", state: str = "completed"
) -> None:
    """Give every event without a row in the ledger this state, at this age."""
    with database.connect() as connection:
        connection.execute(
            "INSERT INTO notification_processing"
            " (event_id, processing_status, event_created_at, claimed_at, completed_at,"
            " processor_id)"
            " SELECT id, %(state)s, created_at, now() - %(age)s::interval,"
            " CASE %(state)s WHEN 'completed' THEN now() - %(age)s::interval END, %(processor)s"
            " FROM domain_events ON CONFLICT DO NOTHING",
            {"age": age, "state": state, "processor": processor},
        )


def command(dsn: str, *arguments: str) -> CompletedProcess[str]:
    with Program("pipeline", *arguments, environment=os.environ | {"DATABASE_URL": dsn}) as program:
        return program.completed(timeout=60)


def pipeline_of(database: Database) -> Pipeline:
    seen = read_status(DatabaseSettings(dsn=database.operator_dsn)).pipeline
    assert seen is not None
    return seen


def test_events_that_wait_while_the_stream_is_stopped_are_said_in_the_exit_status(
    database: Database,
) -> None:
    beat(database, "5 seconds")
    insert(database, 1, "52 minutes")
    do(database, "51 minutes")
    with slot(database):
        well = command(database.operator_dsn, "doctor", "--json")
        insert(database, 64, "50 minutes")
        ill = command(database.operator_dsn, "doctor", "--json")
    assert (well.returncode, ill.returncode) == (0, 1)
    [check] = [each for each in json.loads(ill.stdout)["checks"] if each["verdict"] == "failed"]
    assert check["name"] == "pipeline"
    assert check["seen"] == (
        "64 events wait, the oldest for 50 min; no pipeline is connected,"
        " the last event was finished 51 min ago"
    )
    assert check["fix"].startswith("start it: python -m pipeline run")


def test_a_pipeline_that_is_connected_and_does_nothing_is_named(database: Database) -> None:
    insert(database, 2, "6 minutes")
    with connected(database):
        finding = found(database, "pipeline")
    assert finding.severity == Severity.FAILED
    assert "version 0.2.0 is connected, no event was finished lately" in finding.seen


@pytest.mark.parametrize(
    ("age", "severity"),
    [("1 minute", Severity.OK), ("3 minutes", Severity.WARNING), ("6 minutes", Severity.FAILED)],
)
def test_an_event_may_wait_for_a_while(database: Database, age: str, severity: Severity) -> None:
    insert(database, 1, age)
    assert found(database, "pipeline").severity == severity


@pytest.mark.parametrize("created_at", ["infinity", "-infinity"])
def test_an_event_that_has_no_age_does_not_wait(database: Database, created_at: str) -> None:
    with database.connect() as connection:
        connection.execute(
            "INSERT INTO domain_events (event_type, created_at) VALUES ('moon_rose', %s)",
            [created_at],
        )
    assert found(database, "pipeline").severity == Severity.OK


@pytest.mark.parametrize("processor", ["fanout", "gcp-notify-fan-out"])
@pytest.mark.parametrize("time", ["infinity", "-infinity", "0044-03-15 BC", "20000-01-01"])
def test_whatever_time_the_ledger_holds_there_is_an_answer(
    database: Database, time: str, processor: str
) -> None:
    insert(database, 2, "1 minute")
    do(database, "1 minute", processor=processor)
    with database.connect() as connection:
        connection.execute(
            "UPDATE notification_processing SET completed_at = %s, claimed_at = %s,"
            " event_created_at = %s",
            [time] * 3,
        )
    for name in ("pipeline", "other program"):
        finding = found(database, name)
        assert finding.severity in (Severity.OK, Severity.FAILED)
        assert " inf" not in finding.seen


def test_events_passed_over_are_counted_and_the_fix_does_them(database: Database) -> None:
    insert(database, 3, "1 minute")
    do(database, "1 minute")
    insert(database, 362, "20 minutes")
    finding = found(database, "pipeline")
    assert finding.severity == Severity.FAILED
    assert "362 passed over: younger events are finished" in finding.seen
    assert pipeline_of(database).passed_over == 362
    shown = command(database.operator_dsn, "status").stdout
    assert "362 events passed over, younger events are finished: run catch-up" in shown
    done = command(database.writer_dsn, *fix(finding).split()[3:])
    assert done.returncode == 0
    assert found(database, "pipeline").severity == Severity.OK
    assert pipeline_of(database).passed_over == 0


def fix(finding: Finding) -> str:
    """The command in the fix."""
    return (finding.fix or "").partition(",")[0]


def test_events_of_which_none_younger_is_done_are_late_not_passed_over(database: Database) -> None:
    insert(database, 3, "30 minutes")
    do(database, "1 minute")
    insert(database, 5, "20 minutes")
    assert pipeline_of(database).passed_over == 0


@pytest.mark.parametrize("state", ["completed", "processing"])
def test_another_program_beside_this_pipeline_is_caught(database: Database, state: str) -> None:
    insert(database, 1, "2 minutes")
    do(database, "1 minute")
    assert found(database, "other program").severity == Severity.OK
    insert(database, 1, "2 minutes")
    do(database, "1 minute", processor="gcp-notify-fan-out", state=state)
    finding = found(database, "other program")
    assert finding.severity == Severity.FAILED
    assert finding.seen.startswith("gcp-notify-fan-out worked on events 1 min ago")
    assert (
        "gcp-notify-fan-out worked on events 1 min ago"
        in command(database.operator_dsn, "status").stdout
    )


def test_another_program_alone_is_no_fault_and_one_that_has_stopped_is_none(
    database: Database,
) -> None:
    insert(database, 1, "2 hours")
    do(database, "1 minute", processor="gcp-notify-fan-out")
    assert found(database, "other program").severity == Severity.WARNING
    with database.connect() as connection:
        connection.execute(
            "UPDATE notification_processing SET completed_at = now() - interval '2 hours'"
        )
    assert found(database, "other program").severity == Severity.OK
