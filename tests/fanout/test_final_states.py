"""The final states are defined once, in Python. Every SQL statement must agree."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from pipeline.fanout.outcome import FINAL as FINAL_STATES
from pipeline.fanout.outcome import Status

ROOT: Final = Path(__file__).parents[2]
FINAL: Final = {status.value for status in FINAL_STATES}
# One of our states, but not final.
HELD: Final = {Status.PAUSED.value}
# The states of the application, in the check of 0001_ledger.sql.
BEGUN: Final = {"pending", "processing", "failed"}
# The sets that a statement may name: all final states; those that a replay may change; all others;
# any state (before 0021, and since); those that are at rest; the states in which a paused
# event may wait; those of which endpoints are told.
SETS: Final = (
    FINAL,
    FINAL - {Status.COMPLETED.value},
    BEGUN,
    FINAL | BEGUN,
    FINAL | BEGUN | HELD,
    FINAL | HELD,
    HELD | {"processing"},
    {Status.COMPLETED.value, Status.UNROUTED.value},
)
# The application's own tables, as they were before the pipeline.
THEIRS: Final = "reference"

LISTED: Final = re.compile(r"(?:processing_status|state\.status) (?:NOT )?IN \(([^)]*)\)")
COMPARED: Final = re.compile(r"processing_status (?:=|<>) '(\w+)'")
ANY_FINAL: Final = rf"""["'](?:{"|".join(sorted(FINAL))})["']"""
IN_PYTHON: Final = re.compile(rf"{ANY_FINAL},\s*{ANY_FINAL}")


def states(text: str) -> Iterator[set[str]]:
    """Return each set of states that a statement names."""
    for names in LISTED.findall(text):
        yield set(re.findall(r"'(\w+)'", names))


STATEMENTS: Final = [
    path
    for folder in ("pipeline", "migrations")
    for path in sorted((ROOT / folder).rglob("*.sql"))
    if THEIRS not in path.parts and LISTED.search(path.read_text())
]


@pytest.mark.parametrize("path", STATEMENTS, ids=lambda path: path.stem)
def test_a_statement_that_lists_states_lists_all_of_their_kind(path: Path) -> None:
    assert [each for each in states(path.read_text()) if each not in SETS] == []


def test_the_statements_that_list_states_are_found() -> None:
    assert {"unfinished_events", "selected_events", "became", "0012_views"} <= {
        path.stem for path in STATEMENTS
    }


def test_control_a_state_that_is_left_out_is_noticed() -> None:
    (listed,) = states("WHERE processing_status NOT IN ('completed', 'expired', 'dead')")
    assert listed not in SETS


def test_no_statement_compares_with_a_state_that_is_none() -> None:
    compared = {
        state
        for path in (ROOT / "pipeline").rglob("*.sql")
        for state in COMPARED.findall(path.read_text())
    }
    assert compared <= FINAL | BEGUN | HELD


def test_python_lists_them_nowhere_else() -> None:
    # Events of reactions have states of their own, some with the same names.
    listed = [
        path.relative_to(ROOT).as_posix()
        for folder in ("pipeline", "local", "bench")
        for path in sorted((ROOT / folder).rglob("*.py"))
        if "reactions" not in path.parts and IN_PYTHON.search(path.read_text())
    ]
    assert listed == []
