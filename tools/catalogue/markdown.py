"""The pieces of Markdown that both pages are made of."""

import json
from collections.abc import Iterable, Iterator
from typing import Any


def table(head: str, rows: Iterable[Iterable[str]]) -> Iterator[str]:
    """Yield the lines of a table, and an empty one. In: its first line, and the cells of others."""
    yield head
    yield "|" + "---|" * (head.count("|") - 1)
    for cells in rows:
        yield f"| {' | '.join(map(_cell, cells))} |"
    yield ""


def block(document: object) -> Iterator[str]:
    """Yield the lines of a block of JSON, and an empty one."""
    yield "```json"
    yield json.dumps(document, indent=2, ensure_ascii=False)
    yield "```"
    yield ""


def default(value: Any) -> str:  # noqa: ANN401 - a default is of its field's type
    """Return the default of a payload key as code; nothing for None."""
    return "" if value is None else f"`{json.dumps(value, ensure_ascii=False)}`"


def capital(sentence: str) -> str:
    """Return the sentence with a capital at its start."""
    return sentence[:1].upper() + sentence[1:]


def _cell(text: str) -> str:
    return text.replace("|", "\\|")
