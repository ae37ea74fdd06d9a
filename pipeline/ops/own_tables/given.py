"""Which tables of an application take the place of ours, as a person names them."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from pipeline.domain.errors import UsageError
from pipeline.ops.own_tables.needed import OWN_TABLES

SCHEMA: Final = "reactions"
EXPECTED: Final = (
    "NAME=SCHEMA.TABLE, such as events=public.events, or NAME= for our own table again"
)
_GIVEN: Final = re.compile(r"([a-z_]+)=(?:([^\s.=,\"]{1,63})\.([^\s.=,\"]{1,63}))?")


@dataclass(frozen=True, slots=True)
class GivenTable:
    """A table of the application.

    Attributes:
        name: of our table in the schema ``reactions``, whose place it takes.
        schema: its own schema.
        table: its own name there.
    """

    name: str
    schema: str
    table: str

    @property
    def own(self) -> str:
        """Its name, for people."""
        return f"{self.schema}.{self.table}"

    @property
    def names(self) -> str:
        """The names of both, for people."""
        return f"{self.own} or {self.ours}"

    @property
    def ours(self) -> str:
        """The name of what it takes the place of, for people."""
        return f"{SCHEMA}.{self.name}"


@dataclass(frozen=True, slots=True)
class NamedTables:
    """What a person wants in the places of our tables.

    Attributes:
        given: tables of the application.
        ours: names of tables whose place our own is to have again.
    """

    given: tuple[GivenTable, ...] = ()
    ours: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.given or self.ours)


def read_tables(texts: Iterable[str]) -> NamedTables:
    """Return the tables that are named in texts such as ``events=public.events`` or ``events=``.

    Raises:
        UsageError: a text is invalid, or a table is named twice.
    """
    found: dict[str, GivenTable | None] = {}
    for text in filter(None, map(str.strip, texts)):
        match = _GIVEN.fullmatch(text)
        if match is None:
            raise UsageError(f"invalid table {text[:120]!r}: expected {EXPECTED}")
        name, schema, table = match.groups()
        if name not in OWN_TABLES:
            *others, last = OWN_TABLES
            raise UsageError(f"invalid table {name!r}: expected {', '.join(others)} or {last}")
        each = None if schema is None else GivenTable(name, schema, table)
        if each is not None and each.schema == SCHEMA:
            raise UsageError(f"invalid table {each.own!r}: expected one of another schema")
        if found.setdefault(name, each) != each:
            raise UsageError(f"invalid tables: {name} is named twice")
    return NamedTables(
        tuple(each for each in found.values() if each is not None),
        tuple(name for name, each in found.items() if each is None),
    )
