"""Doctor on change data capture: slot, kept log and heartbeat, healthy and faulty."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Final

import pytest

from local.debezium.configuration import read as read_configuration
from local.postgres import Postgres, server
from pipeline.ops.doctor.check import Severity
from pipeline.ops.doctor.checks.capture import HEARTBEAT
from pipeline.ops.doctor.checks.events_table import EVENTS
from pipeline.ops.doctor.checks.server import judge_version
from pipeline.ops.doctor.checks.slots import SlotFacts, judge_slot
from pipeline.ops.doctor.installation import CaptureAddress
from pipeline.settings import CAPTURE_NAME
from tests.databases import Database, Databases, scratch_cluster
from tests.ops.examination import beat, found, slot

WELL: Final = SlotFacts(
    name=CAPTURE_NAME,
    database="app",
    plugin="pgoutput",
    active=True,
    wal_status="reserved",
    failover=True,
    synced=False,
    temporary=False,
    reason=None,
    inactive_seconds=None,
    left_bytes=10,
    kept_bytes=10,
)
ROOT: Final = Path(__file__).parents[2]


def test_without_a_slot_nothing_is_captured(database: Database) -> None:
    assert found(database, "slot").severity == Severity.FAILED
    for name in ("slot failover", "heartbeat"):
        finding = found(database, name)
        assert (finding.severity, finding.seen) == (
            Severity.WARNING,
            f"not checked: slot {CAPTURE_NAME} does not exist",
        )


def test_a_slot_that_nobody_reads_is_caught(database: Database) -> None:
    with slot(database, read=False):
        finding = found(database, "slot")
        assert finding.severity == Severity.FAILED
        assert "nobody has read the slot for" in finding.seen
        assert found(database, "heartbeat").seen == "not checked: nobody reads the slot"


def test_a_slot_of_another_database_is_caught(databases: Databases, database: Database) -> None:
    with slot(database), databases.migrated() as other:
        finding = found(other, "slot")
    assert finding.severity == Severity.FAILED
    assert database.name in finding.seen


def test_a_slot_that_a_standby_would_not_have_is_caught(database: Database) -> None:
    with slot(database, failover=False):
        assert found(database, "slot failover").severity == Severity.WARNING


@pytest.mark.parametrize("age", ["61 seconds", None])
def test_a_reader_without_a_heartbeat_is_caught(database: Database, age: str | None) -> None:
    with slot(database):
        if age is not None:
            beat(database, age)
        finding = found(database, "heartbeat")
    assert finding.severity == Severity.FAILED
    assert finding.seen == ("none yet" if age is None else "the last one 1 min ago")


@pytest.mark.parametrize(("confirmed", "severity"), [(True, Severity.OK), (False, Severity.FAILED)])
def test_a_reader_that_publishes_nothing_is_caught_though_its_heart_beats(
    database: Database,
    confirmed: bool,  # noqa: FBT001 - a parameter of the table above
    severity: Severity,
) -> None:
    # A new slot starts with all older log confirmed. This reader confirms nothing more.
    if confirmed:
        beat(database, "5 minutes")
    with slot(database):
        if not confirmed:
            beat(database, "5 minutes")
        beat(database, "1 second")
        finding = found(database, "heartbeat")
    assert finding.severity == severity
    assert ("Debezium has published nothing for 5 min" in finding.seen) is not confirmed


def test_a_slot_with_another_plugin_is_caught() -> None:
    well = WELL
    assert judge_slot(well, "app").severity == Severity.OK
    assert judge_slot(replace(well, plugin="wal2json"), "app").severity == Severity.FAILED


@contextmanager
def cluster_with(settings: dict[str, str]) -> Iterator[Postgres]:
    """Start a separate cluster, with other values of settings that need a restart."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in settings.items():
            patch.setitem(vars(server)["_SETTINGS"], name, value)
        with scratch_cluster() as cluster:
            yield cluster


def test_a_server_that_cannot_capture_and_limits_no_log_is_caught() -> None:
    with (
        cluster_with({"wal_level": "replica", "max_slot_wal_keep_size": "-1"}) as cluster,
        Databases.with_template(cluster).migrated() as database,
    ):
        level, kept = found(database, "wal level"), found(database, "log kept")
    assert (level.severity, level.seen) == (Severity.FAILED, "replica: changes cannot be captured")
    assert kept.severity == Severity.WARNING
    assert "max_slot_wal_keep_size is not set" in kept.seen


def test_the_log_kept_for_a_slot_is_watched_until_it_is_lost() -> None:
    verdicts = []
    with (
        cluster_with({"max_slot_wal_keep_size": "128MB"}) as cluster,
        Databases.with_template(cluster).migrated() as database,
        slot(database, read=False),
        database.connect() as connection,
    ):
        for _ in range(40):
            verdicts.append(found(database, "log kept").severity)
            connection.execute("SELECT pg_logical_emit_message(false, 'fill', 'x')")
            connection.execute("SELECT pg_switch_wal()")
        connection.execute("CHECKPOINT")
        lost, kept = found(database, "slot"), found(database, "log kept")
    assert [severity for severity in Severity if severity in verdicts] == [
        Severity.OK,
        Severity.WARNING,
        Severity.FAILED,
    ]
    assert sorted(verdicts, key=list(Severity).index) == verdicts
    assert (lost.severity, kept.severity) == (Severity.FAILED, Severity.FAILED)
    assert "events were missed" in lost.seen
    assert "gone" in kept.seen


@pytest.mark.parametrize(
    ("number", "severity"),
    [(140_019, Severity.FAILED), (150_000, Severity.OK), (180_004, Severity.OK)],
)
def test_a_server_that_is_too_old_is_caught(number: int, severity: Severity) -> None:
    assert judge_version("x", number).severity == severity


def test_the_checks_expect_what_debezium_is_told_to_read() -> None:
    environment = dict.fromkeys(
        ("DATABASE_HOST", "DATABASE_NAME", "DATABASE_PASSWORD", "PUBSUB_PROJECT_ID"), "x"
    )
    settings = read_configuration(ROOT / "debezium" / "application.properties", environment)
    assert settings["debezium.source.publication.name"] == CAPTURE_NAME
    assert settings["debezium.source.slot.name"] == CAPTURE_NAME
    captured = settings["debezium.source.table.include.list"].split(",")
    assert {*captured, HEARTBEAT} == {
        *(EVENTS, HEARTBEAT),
        "fanout.deliveries",
        "activity.notifications",
        "reactions.events",
    }
    assert settings["debezium.source.database.user"] == CaptureAddress("x", 5432, "x").user
