"""Doctor on the graphs: every graph that ever ran here still gives signs of life."""

import pytest

from pipeline.ops.doctor.check import Severity
from tests.databases import Database
from tests.ops.examination import found


def last_seen(database: Database, graph: str, age: str) -> None:
    with database.connect() as connection:
        connection.execute(
            "INSERT INTO fanout.graphs (graph, started_at, last_seen_at, version, host)"
            " VALUES (%s, now() - interval '1 day', now() - %s::interval, '0.2.0', 'worker-1')",
            [graph, age],
        )


def test_a_graph_that_never_ran_here_is_no_fault(database: Database) -> None:
    finding = found(database, "graphs")
    assert (finding.severity, finding.seen) == (Severity.OK, "no graph has run here yet")


@pytest.mark.parametrize(
    ("age", "severity"),
    [("20 seconds", Severity.OK), ("4 minutes", Severity.OK), ("5 minutes", Severity.FAILED)],
)
def test_a_graph_may_be_silent_for_a_while(
    database: Database, age: str, severity: Severity
) -> None:
    last_seen(database, "fanout", age)
    assert found(database, "graphs").severity == severity


def test_only_the_silent_one_is_named_with_where_it_was_and_what_to_do(database: Database) -> None:
    last_seen(database, "fanout", "2 hours")
    last_seen(database, "other", "10 seconds")
    finding = found(database, "graphs")
    assert finding.seen == "fanout has given no sign of life for 2.0 h, last seen on worker-1"
    assert finding.fix is not None
    assert "start it: python -m pipeline run --graph fanout; until then: " in finding.fix
    last_seen(database, "jobs", "2 hours")
    both = found(database, "graphs").fix
    assert both is not None
    assert "python -m pipeline run --graph jobs" in both
