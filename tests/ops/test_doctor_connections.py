"""Doctor on connections: how many the database allows, and how many a job may open."""

import pytest

from pipeline.domain.defaults import GRANTED_CONNECTIONS
from pipeline.ops.doctor.check import Finding, Severity
from pipeline.ops.doctor.installation import Installation
from pipeline.options.table import PARAMETERS
from pipeline.settings import DatabaseSettings
from tests.databases import Database
from tests.ops.examination import look
from tests.ops.test_doctor import doctor


def connections(database: Database, granted: int = GRANTED_CONNECTIONS) -> Finding:
    settings = DatabaseSettings(dsn=database.operator_dsn)
    return look(Installation(database=settings, connections=granted), "connections")


def usable(database: Database) -> int:
    """The connections that the server keeps for clients without superuser rights."""
    with database.connect() as connection:
        [row] = connection.execute(
            "SELECT current_setting('max_connections')::int"
            " - current_setting('superuser_reserved_connections')::int"
            " - current_setting('reserved_connections')::int"
        ).fetchall()
    return int(row[0])


def test_a_job_may_take_all_that_is_for_clients_and_no_more(database: Database) -> None:
    there = usable(database)
    well, over = connections(database, there), connections(database, there + 1)
    assert (well.severity, over.severity) == (Severity.OK, Severity.WARNING)
    assert well.seen.endswith(f"are for clients, a job may open {there}")
    assert over.seen == (
        f"{there} of the server's 200 are for clients, fewer than the {there + 1} that a job"
        " may open"
    )
    assert over.fix == (
        f"launch the job with --database_connections={there} or less, or raise max_connections;"
        " if the job has another limit, pass it: --connections"
    )


@pytest.mark.parametrize(
    ("limit", "severity"), [(99, Severity.WARNING), (100, Severity.OK), (-1, Severity.OK)]
)
def test_the_limit_of_the_database_counts_where_it_is_lower(
    limit: int, severity: Severity, database: Database
) -> None:
    with database.connect() as connection:
        connection.execute(f"ALTER DATABASE {database.name} CONNECTION LIMIT {limit}")
    finding = connections(database)
    assert finding.severity == severity
    assert ("by the limit of this database" in finding.seen) is (limit >= 0)
    assert ("ALTER DATABASE ... CONNECTION LIMIT" in (finding.fix or "")) is (
        severity is Severity.WARNING
    )


def test_another_grant_is_named_on_the_command_line(database: Database) -> None:
    done = doctor(database.operator_dsn, "--connections", "5000")
    assert "!  connections" in done.stdout
    assert "fewer than the 5000" in " ".join(done.stdout.split())
    assert "--database_connections=" in done.stdout


@pytest.mark.parametrize("number", ["0", "-1", "many", "100000", ""])
def test_what_is_no_number_of_connections_is_refused(number: str) -> None:
    done = doctor("postgresql://localhost/x", f"--connections={number}")
    assert done.returncode == 2
    assert f"invalid number of connections {number!r}: expected a number such as 100" in done.stderr


def test_doctor_and_launch_go_by_the_same_default() -> None:
    [launched] = [each for each in PARAMETERS if each.name == "database_connections"]
    assert launched.default == GRANTED_CONNECTIONS
