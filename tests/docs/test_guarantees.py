"""Each promise of docs/guarantees.md names the tests that hold it: are they there?"""

import ast
import re
from pathlib import Path
from typing import Final

import pytest

ROOT: Final = Path(__file__).parents[2]
PAGE: Final = (ROOT / "docs/guarantees.md").read_text("utf-8")
NAMED: Final = re.compile(r"`(tests/\S+?\.py)::(test_\w+)`")


def missing(page: str) -> list[str]:
    """The tests that a page names and that there are not."""
    return [
        f"{path}::{name}"
        for path, name in NAMED.findall(page)
        if not (ROOT / path).is_file() or name not in defined_in(ROOT / path)
    ]


def defined_in(path: Path) -> set[str]:
    tree = ast.parse(path.read_text("utf-8"))
    return {each.name for each in ast.walk(tree) if isinstance(each, ast.FunctionDef)}


def promises(page: str) -> dict[str, str]:
    """The numbered promises, each with the text below it."""
    parts = re.split(r"^(\d+)\. ", page, flags=re.M)[1:]
    return dict(zip(parts[::2], parts[1::2], strict=True))


def test_every_test_that_is_named_exists() -> None:
    assert missing(PAGE) == []


@pytest.mark.parametrize(
    "named", ["tests/nothing.py::test_nothing", "tests/docs/test_guarantees.py::test_nothing"]
)
def test_control_a_test_that_is_gone_would_be_noticed(named: str) -> None:
    assert missing(f"* `{named}`\n") == [named]


def test_every_promise_says_must_and_names_a_test() -> None:
    found = promises(PAGE)

    assert list(found) == [str(number + 1) for number in range(len(found))]
    for number, text in found.items():
        assert "MUST" in text, number
        assert NAMED.search(text), number
