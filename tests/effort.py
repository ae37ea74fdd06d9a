"""Counts the rows that a statement handles, and makes the planner choose other plans."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

import psycopg

from tests.databases import Database

# Statements for an empty database. Once there are rows, none of these beliefs is true.
LIES: Final = {
    "nothing is known": "SELECT",
    "every table was empty": "ANALYZE",
    "every table has one row": "UPDATE pg_class SET reltuples = 1, relpages = 1"
    " WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace",
    "every table has a billion rows": "UPDATE pg_class SET reltuples = 1e9, relpages = 1e6"
    " WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace",
    "no hash, no merge": "ALTER DATABASE {name} SET enable_hashjoin = off;"
    " ALTER DATABASE {name} SET enable_mergejoin = off",
    "no nested loop": "ALTER DATABASE {name} SET enable_nestloop = off",
}
_TABLES: Final = (
    "SELECT oid::regclass FROM pg_class"
    " WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace"
)


def lie_to(database: Database, lie: str) -> None:
    """Make the planner of an empty database believe something, and prevent any correction."""
    with database.connect() as connection:
        for (table,) in connection.execute(_TABLES).fetchall():
            connection.execute(f"ALTER TABLE {table} SET (autovacuum_enabled = off)".encode())
        connection.execute(LIES[lie].format(name=database.name).encode())


def effort(connection: psycopg.Connection[Any], statement: bytes, **parameters: object) -> float:
    """Execute a statement; return the total number of rows that its steps returned or discarded."""
    explained = connection.execute(b"EXPLAIN (ANALYZE, FORMAT JSON) " + statement, parameters)
    ((plans,),) = explained.fetchall()
    return sum(_rows(plans[0]["Plan"]))


def _rows(plan: Mapping[str, Any]) -> Iterator[float]:
    handled = ("Actual Rows", *(name for name in plan if name.startswith("Rows Removed by")))
    yield plan["Actual Loops"] * sum(plan[name] for name in handled)
    for part in plan.get("Plans", ()):
        yield from _rows(part)
