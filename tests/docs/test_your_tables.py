"""docs/your-tables.md says what the two lists have, word for word."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from pipeline.clients.postgres.application import NEEDED, Column, ObjectKind, Table
from pipeline.clients.postgres.application_jobs import NEEDED_BY_JOBS
from pipeline.ops.own_tables.needed import OWN_TABLES

DOCUMENT = Path(__file__).parents[2] / "docs" / "your-tables.md"
FIRST, LAST = "<!-- from pipeline/clients/postgres/{} -->\n", "<!-- end -->\n"


def remarks(column: Column) -> str:
    words = ", ".join(f"`{word}`" for word in column.words)
    said = (
        (column.is_key, "unique by itself"),
        (words, f"an enum has {words}"),
        (column.is_written, "we write it"),
        (column.may_be_null, "may be NULL"),
        (column.needs_default, "has a default"),
        (column.is_ours, "`migrate` adds it"),
    )
    return "; ".join(text for is_so, text in said if is_so)


def listed(tables: Sequence[Table]) -> str:
    """The list as Markdown."""
    parts = []
    for table in tables:
        where = "; an application may be without it" if table.is_optional else ""
        parts.append(f"\n**`{table.name}`**, a {table.kind.value}{where}\n\n")
        if not table.columns:
            parts.append("No column of it is read.\n")
            continue
        parts.append("| column | type | |\n|---|---|---|\n")
        parts += [
            f"| `{column.name}` | {column.type.value} | {remarks(column)} |\n"
            for column in table.columns
        ]
    return "".join(parts) + "\n"


@pytest.mark.parametrize(
    ("file", "tables"), [("application.py", NEEDED), ("application_jobs.py", NEEDED_BY_JOBS)]
)
def test_the_document_lists_what_is_needed(file: str, tables: Sequence[Table]) -> None:
    text = DOCUMENT.read_text("utf-8")
    _, _, rest = text.partition(FIRST.format(file))
    found, _, _ = rest.partition(LAST)
    assert found == listed(tables), f"put this between the two marks:\n{listed(tables)}"


def test_the_document_names_what_has_to_be_a_table() -> None:
    line = ", ".join(f"`{table.name}`" for table in NEEDED if table.kind is ObjectKind.TABLE)
    assert line in DOCUMENT.read_text("utf-8")


def test_the_document_lists_what_reactions_need() -> None:
    parts = []
    for name, table in OWN_TABLES.items():
        keys = "; ".join(f"({', '.join(key)})" for key in table.keys)
        parts.append(f"\n**`{name}`**, unique by {keys}\n\n| column | type | |\n|---|---|---|\n")
        for column in table.columns:
            of_type = column.type.replace("timestamp with time zone", "timestamptz")
            of_type += " or a word" if column.may_be_words else ""
            of_type += " or text" if column.may_be_text else ""
            values = ", ".join(f"`{value}`" for value in column.values)
            said = (
                (column.name in table.inserted, "we write it"),
                (column.begins, f"has the default `{column.begins}`"),
                (values and not column.may_be_words, f"takes {values}"),
                ((name, column.name) == ("events", "sequence"), "`migrate` adds it"),
            )
            remark = "; ".join(text for is_so, text in said if is_so)
            parts.append(f"| `{column.name}` | {of_type} | {remark} |\n")
    wanted = "".join(parts) + "\n"
    text = DOCUMENT.read_text("utf-8")
    _, _, rest = text.partition("<!-- from pipeline/ops/own_tables/needed.py -->\n")
    found, _, _ = rest.partition(LAST)
    assert found == wanted, f"put this between the two marks:\n{wanted}"
