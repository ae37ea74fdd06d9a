"""Doctor on the table of the events: types that cannot be captured, partitions."""

from typing import Final

import pytest

from pipeline.ops.doctor.check import Severity
from tests.databases import Database
from tests.ops.examination import found

MADE: Final = {
    "id": "bigint",
    "event_type": "text",
    "payload": "jsonb",
    "created_at": "timestamptz",
}
PARTITIONED: Final = """
    ALTER PUBLICATION fanout_events SET TABLE fanout_heartbeat;
    DROP VIEW fanout_queue;
    ALTER TABLE domain_events RENAME TO earlier;
    CREATE TABLE domain_events (LIKE earlier INCLUDING DEFAULTS, PRIMARY KEY (id, created_at))
        PARTITION BY RANGE (created_at);
    CREATE TABLE domain_events_2026 PARTITION OF domain_events DEFAULT;
    ALTER PUBLICATION fanout_events ADD TABLE domain_events
"""


@pytest.mark.parametrize(
    ("column", "type_", "is_well"),
    [
        ("created_at", "timestamp", False),
        ("id", "uuid", False),
        ("id", "text", False),
        ("id", "integer", True),
        ("payload", "text", False),
        ("payload", "json", True),
        ("event_type", "varchar(100)", True),
        ("event_type", "event_kind", True),
        ("event_type", "integer", False),
    ],
)
def test_a_type_of_which_nothing_arrives_is_named_with_its_column(
    database: Database,
    column: str,
    type_: str,
    is_well: bool,  # noqa: FBT001 - a parameter of the table above
) -> None:
    columns = ", ".join(f"{name} {made}" for name, made in {**MADE, column: type_}.items())
    with database.connect() as connection:
        connection.execute("CREATE TYPE event_kind AS ENUM ('document_uploaded')")
        connection.execute("DROP TABLE domain_events CASCADE")
        connection.execute(f"CREATE TABLE domain_events ({columns})".encode())
    finding = found(database, "events table")
    assert (finding.severity == Severity.OK) == is_well
    if not is_well:
        assert finding.seen.startswith(f"public.domain_events: {column} is ")
        assert "A column of domain_events has another type" in (finding.fix or "")


def test_the_partitions_of_a_table_are_published_under_its_name_by_the_fix(
    database: Database,
) -> None:
    with database.connect() as connection:
        connection.execute(PARTITIONED.encode())
        finding = found(database, "publication")
        assert finding.severity == Severity.FAILED
        assert "publishes public.domain_events_2026, public.fanout_heartbeat" in finding.seen
        statement, _, then = (finding.fix or "").partition("; then: ")
        assert then == "python -m pipeline catch-up"
        connection.execute(statement.encode())
    assert found(database, "publication").severity == Severity.OK


def test_a_publication_of_a_partitioned_table_that_was_dropped_is_made_by_the_fix(
    database: Database,
) -> None:
    with database.connect() as connection:
        connection.execute(PARTITIONED.encode())
        connection.execute("DROP PUBLICATION fanout_events")
        statement, _, _ = (found(database, "publication").fix or "").partition("; then: ")
        connection.execute(statement.encode())
    assert found(database, "publication").severity == Severity.OK
