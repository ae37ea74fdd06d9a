"""The plans of statements, and the relations and indexes that they use."""

from collections.abc import Iterator, Mapping
from typing import Any

import psycopg

Plan = Mapping[str, Any]


def explaining_cursor(plans: list[Plan]) -> type[psycopg.Cursor[Any]]:
    """Make a cursor class that also adds the plan of each statement to ``plans``."""

    class ExplainingCursor(psycopg.Cursor[Any]):
        def execute(self, query: Any, *parameters: Any, **options: Any) -> "ExplainingCursor":  # noqa: ANN401 - psycopg's own
            super().execute(b"EXPLAIN (FORMAT JSON) " + query, *parameters)
            plans.extend(each["Plan"] for row in self.fetchall() for each in row[0])
            super().execute(query, *parameters, **options)
            return self

    return ExplainingCursor


def nodes(plan: Plan) -> Iterator[Plan]:
    """Yield every step of a plan."""
    yield plan
    for part in plan.get("Plans", ()):
        yield from nodes(part)


def used(plans: list[Plan], what: str, *, by: str = "") -> set[str]:
    """Return the relations or indexes of the plan nodes of this type."""
    return {
        node[what]
        for plan in plans
        for node in nodes(plan)
        if what in node and by in node["Node Type"]
    }
