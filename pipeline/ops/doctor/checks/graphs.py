"""Check of the graphs: every graph that ever ran here still gives signs of life."""

from collections.abc import Mapping
from typing import Final

from pipeline.clients.postgres.session import working
from pipeline.domain.graph import Graph
from pipeline.domain.units import duration
from pipeline.ops.doctor.check import Check, Finding, failed, ok
from pipeline.ops.doctor.installation import Installation
from pipeline.ops.status.figures import SILENT_SECONDS, GraphSeen
from pipeline.ops.status.read import read_graphs


def judge_graphs(graphs: Mapping[str, GraphSeen], limit: float = SILENT_SECONDS) -> Finding:
    """Judge whether a graph that ever ran here has given no sign of life for ``limit`` seconds."""
    if not graphs:
        return ok("no graph has run here yet")
    silent = {name: seen for name, seen in graphs.items() if seen.last_seen_seconds >= limit}
    if not silent:
        return ok("; ".join(f"{name} {_last(seen)}" for name, seen in graphs.items()))
    return failed(
        "; ".join(
            f"{name} has given no sign of life for {duration(seen.last_seen_seconds)},"
            f" last seen on {seen.host}"
            for name, seen in silent.items()
        ),
        "see its log on that host, then start it: "
        + "; ".join(f"python -m pipeline run --graph {name}" for name in silent)
        + ("; until then: python -m pipeline catch-up" if Graph.FANOUT in silent else ""),
    )


def _last(seen: GraphSeen) -> str:
    return f"gave a sign of life {duration(seen.last_seen_seconds)} ago"


def _graphs(installation: Installation) -> Finding:
    connection = installation.connection()
    with working(connection):
        return judge_graphs(read_graphs(connection))


CHECKS: Final = (Check("graphs", "fanout.graphs", _graphs),)
