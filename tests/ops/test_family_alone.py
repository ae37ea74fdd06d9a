"""A database with one family alone: nothing rings or fails for a family that is not installed."""

from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from pipeline.ops.doctor.check import Severity
from pipeline.ops.doctor.examine import examine
from pipeline.ops.doctor.installation import Installation
from pipeline.ops.families import Family
from pipeline.ops.metrics.figures import LedgerFigures
from pipeline.ops.metrics.read import read_figures
from pipeline.ops.migrate import migrate
from pipeline.ops.ready.look import look
from pipeline.ops.status.read import read_status
from pipeline.settings import CaptureNames, DatabaseSettings
from tests.databases import Database, Databases
from tests.ops.examination import beat, found, slot

# The parts that each family brings, besides those of the kernel. The jobs come with the fan-out.
PARTS = {
    Family.JOBS: {"per_minute", "latency", "pipeline", "emails", "slot", "jobs"},
    Family.MAIL: {"mails"},
    Family.PUSH: {"pushes"},
    Family.REACTIONS: {"reactions", "jobs"},
}
# The role that a login for its graph is given.
ROLES = {
    Family.JOBS: "fanout_writer",
    Family.MAIL: "fanout_sender",
    Family.PUSH: "fanout_push",
    Family.REACTIONS: "fanout_reactions",
}
OF_THE_KERNEL = {"failures", "capture", "graphs", "switches", "replays"}


@pytest.fixture(params=PARTS)
def alone(
    databases: Databases, request: pytest.FixtureRequest
) -> Iterator[tuple[Family, Database]]:
    """A database with one family alone, where all that it needs runs."""
    family = request.param
    with ExitStack() as stack:
        if family is Family.REACTIONS:
            database = stack.enter_context(databases.with_reactions())
        elif family is Family.JOBS:
            database = stack.enter_context(databases.without_mail())
            stack.enter_context(slot(database))
            beat(database, "1 second")
        else:
            database = stack.enter_context(databases.empty())
            migrate(database.dsn, family=family)
        with database.connect() as connection:
            connection.execute(
                "INSERT INTO fanout.graphs (graph, started_at, last_seen_at, version, host)"
                " VALUES (%s, now(), now(), '1', 'h')",
                [family],
            )
            connection.execute(
                "INSERT INTO event_dead_letters"
                " (letter_key, stage, error_class, message, fingerprint, resolved_at)"
                " VALUES ('a', 'Send', 'Refused', 'm', 'f', NULL),"
                " ('b', 'Send', 'Refused', 'm', 'f', NULL),"
                " ('c', 'Send', 'Refused', 'm', 'closed', now())"
            )
        yield family, database


def figures_of(database: Database) -> LedgerFigures:
    return read_figures(DatabaseSettings(dsn=database.viewer_dsn), CaptureNames())


def test_with_one_family_alone_nothing_rings_for_the_others(
    alone: tuple[Family, Database],
) -> None:
    family, database = alone
    viewer = DatabaseSettings(dsn=database.viewer_dsn)
    figures = figures_of(database)
    assert figures.unread == 0
    there = {name for name in LedgerFigures.__slots__ if getattr(figures, name) is not None}
    assert there == PARTS[family] | OF_THE_KERNEL | {"unread"}
    assert figures.failures is not None
    assert (figures.failures["Refused"].letters, figures.failures["Refused"].causes) == (2, 1)

    status = read_status(viewer)
    assert status.not_visible == ["log_bytes"]
    assert status.locked == []
    with Installation(database=viewer, names=CaptureNames()) as installation:
        findings = {each.check.name: each.finding for each in examine(installation)}
        readiness = look(installation, [family])
    assert [
        (name, finding.seen)
        for name, finding in findings.items()
        if finding is not None and finding.severity is Severity.FAILED
    ] == []
    assert readiness.reasons == {}

    superuser = found(database, "connecting role", database.dsn)
    assert (superuser.fix or "").endswith(f" IN ROLE {ROLES[family]}")

    # Control: what the family has, and the login may not read, still counts.
    with database.connect() as connection:
        connection.execute("REVOKE ALL ON event_dead_letters FROM fanout_viewer")
    assert figures_of(database).unread == 1


def test_a_table_that_an_installed_family_has_lost_counts_as_unread(database: Database) -> None:
    assert figures_of(database).unread == 0
    with database.connect() as connection:
        connection.execute("DROP VIEW fanout_events_per_minute")
    assert figures_of(database).unread == 1
