"""Status and doctor of a database with only the kernel show what is there."""

import pytest

from pipeline.domain.errors import ConfigurationError
from pipeline.ops.doctor.check import Severity, ok
from pipeline.ops.doctor.examine import examine
from pipeline.ops.doctor.installation import Installation
from pipeline.ops.families import Family
from pipeline.ops.migrate import migrate
from pipeline.ops.status.figures import StatusFigures
from pipeline.ops.status.read import read_status
from pipeline.settings import DatabaseSettings
from tests.databases import Database
from tests.ops.test_status import screen


@pytest.fixture
def kernel(empty_database: Database) -> Database:
    """A database with the kernel's tables, a paused type and a dead letter."""
    migrate(empty_database.dsn, family=Family.KERNEL)
    with empty_database.connect() as connection:
        connection.execute(
            "INSERT INTO fanout.switches (name, state, who) VALUES ('moon_rose', 'paused', 'ida')"
        )
        connection.execute(
            "INSERT INTO event_dead_letters"
            " (letter_key, stage, error_class, message, fingerprint)"
            " VALUES ('tasks:1', 'Send', 'Refused', 'refused', 'f00d')"
        )
    return empty_database


def status_of(database: Database) -> StatusFigures:
    return read_status(DatabaseSettings(dsn=database.operator_dsn))


def test_status_shows_what_is_there_and_names_what_is_not(kernel: Database) -> None:
    status = status_of(kernel)
    assert status.switches is not None
    assert status.switches["moon_rose"].waiting == 0
    assert status.dead_letters is not None
    assert status.dead_letters.open == 1
    assert (status.graphs, status.queues, status.jobs) == ({}, None, None)
    assert set(status.not_installed) == {
        *("has_events", "queues", "pipeline", "other_program", "last_hour", "latency"),
        *("slot", "heartbeat_seconds"),
    }
    shown = screen(status)
    assert "only the kernel is installed" in shown
    assert "waiting" not in shown
    assert "no slot" not in shown


def test_doctor_finds_no_fault_in_it(kernel: Database) -> None:
    with Installation(database=DatabaseSettings(dsn=kernel.operator_dsn)) as installation:
        found = {each.check.name: each.finding for each in examine(installation)}
    assert [
        (name, finding.seen)
        for name, finding in found.items()
        if finding is not None and finding.severity is not Severity.OK
    ] == []
    for name in ("tables", "writer rights", "pipeline", "retention"):
        finding = found[name]
        assert finding is not None
        assert finding.seen == "the family fanout is not installed"
    assert found["slot"] == ok("only the kernel is installed: there is nothing to capture")
    assert found["publication"] == ok("inserts into fanout_heartbeat")


def test_a_table_that_the_fan_out_has_lost_is_still_an_error(database: Database) -> None:
    with database.connect() as connection:
        connection.execute("ALTER TABLE notification_processing RENAME TO gone")
    with pytest.raises(ConfigurationError, match="notification_processing"):
        status_of(database)
