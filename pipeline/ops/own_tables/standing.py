"""What has the names of our tables now: a connection in, tables and views out."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any, Final

from psycopg import Connection
from psycopg.rows import class_row

from pipeline.clients.postgres.sql import load

_STANDING: Final = load(__package__, "standing")


@dataclass(frozen=True, slots=True, kw_only=True)
class StandingTable:
    """A row of standing.sql."""

    name: str
    kind: str
    schema: str | None
    table: str | None
    columns: Sequence[str]

    @property
    def ours(self) -> str:
        """Its own name, for people."""
        return f"reactions.{self.name}"

    @property
    def behind(self) -> str:
        """The table behind a view, for people."""
        return f"{self.schema}.{self.table}"


def standing(connection: Connection[Any], names: Collection[str]) -> dict[str, StandingTable]:
    """Return what has the names of our tables now.

    Args:
        connection: in autocommit.
        names: of our tables. Those that do not exist are left out.
    """
    with connection.cursor(row_factory=class_row(StandingTable)) as cursor:
        rows = cursor.execute(_STANDING, {"names": list(names)}).fetchall()
    return {each.name: each for each in rows}
