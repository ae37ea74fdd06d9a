"""Which tables of an application take the place of ours, as a person names them."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from pipeline.domain.errors import UsageError
from pipeline.ops.own_tables.needed import OWN_TABLES

SCHEMA: Final = "reactions"
EXPECTED: Final = "NAME=SCHEMA.TABLE, such as events=public.events"
_GIVEN: Final = re.compile(r"([a-z_]+)=([^\s.=,\"]{1,63})\.([^\s.=,\"]{1,63})")


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
    def ours(self) -> str:
        """The name of what it takes the place of, for people."""
        return f"{SCHEMA}.{self.name}"


def read_given(texts: Iterable[str]) -> tuple[GivenTable, ...]:
    """Return the tables that are named in texts such as ``events=public.events``.

    Raises:
        UsageError: a text is invalid, or a table is named twice.
    """
    found: dict[str, GivenTable] = {}
    for text in filter(None, map(str.strip, texts)):
        match = _GIVEN.fullmatch(text)
        if match is None:
            raise UsageError(f"invalid table {text[:120]!r}: expected {EXPECTED}")
        each = GivenTable(*match.groups())
        if each.name not in OWN_TABLES:
            *others, last = OWN_TABLES
            raise UsageError(f"invalid table {each.name!r}: expected {', '.join(others)} or {last}")
        if each.schema == SCHEMA:
            raise UsageError(f"invalid table {each.own!r}: expected one of another schema")
        if found.setdefault(each.name, each) != each:
            raise UsageError(f"invalid tables: {each.name} is named twice")
    return tuple(found.values())
