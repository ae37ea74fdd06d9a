"""The walk-throughs of new event types, followed as they stand in a copy of the repository."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

from tests.databases import Database
from tests.docs.markdown import commands, missing

ROOT: Final = Path(__file__).parents[2]
GUIDE: Final = (ROOT / "docs/adding-an-event-type.md").read_text("utf-8")
REACTIONS: Final = (ROOT / "docs/reactions.md").read_text("utf-8")
CODE: Final = re.compile(r"^```python\n(.*?)^```", re.M | re.S)
HANDLER, TEST = CODE.findall(GUIDE)
SHIPPED, TEST_OF_SHIPPED = CODE.findall(REACTIONS)
COPIED: Final = (
    *("pipeline", "local", "tests", "tools", "docs", "migrations"),
    "pyproject.toml",
)
NAME: Final = "file_pinned"
DOTTED: Final = "order.shipped"
FILES: Final = {
    f"pipeline/fanout/handlers/{NAME}.py": HANDLER,
    f"tests/fanout/handlers/test_{NAME}.py": TEST,
    "pipeline/reactions/handlers/order_shipped.py": SHIPPED,
    "tests/reactions/test_order_shipped.py": TEST_OF_SHIPPED,
}


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The repository, with the new types as the walk-throughs have them in the end."""
    copy = tmp_path_factory.mktemp("copy")
    for name in COPIED:
        if (ROOT / name).is_dir():
            ignored = shutil.ignore_patterns("__pycache__")
            shutil.copytree(ROOT / name, copy / name, ignore=ignored)
        else:
            shutil.copy(ROOT / name, copy / name)
    run(copy, "tools.new_event", NAME)
    run(copy, "tools.new_event", "--family", "reactions", DOTTED)
    for path, text in FILES.items():
        assert (copy / path).read_text("utf-8") != text
        (copy / path).write_text(text, "utf-8")
    run(copy, "tools.catalogue")
    return copy


def run(copy: Path, *arguments: str, **variables: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", *arguments],
        cwd=copy,
        env=os.environ | variables,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_the_files_are_those_that_the_guide_says_are_written() -> None:
    [written] = [each for each in commands(GUIDE) if each.text == f"make event NAME={NAME}"]
    assert {line for line in written.shown if line} == {
        "wrote docs/events.md",
        f"wrote docs/events/{NAME}.schema.json",
        f"wrote pipeline/fanout/handlers/{NAME}.py",
        f"wrote tests/fanout/handlers/test_{NAME}.py",
        "wrote pipeline/fanout/handlers/__init__.py",
    }


def test_the_files_of_reactions_are_those_that_their_document_says_are_written() -> None:
    [written] = [each for each in commands(REACTIONS) if each.text.endswith(f"NAME={DOTTED}")]
    assert written.text == f"make event FAMILY=reactions NAME={DOTTED}"
    assert {line for line in written.shown if line} == {
        "wrote docs/reaction-events.md",
        f"wrote docs/events/{DOTTED}.schema.json",
        "wrote pipeline/reactions/handlers/order_shipped.py",
        "wrote tests/reactions/test_order_shipped.py",
        "wrote pipeline/reactions/handlers/__init__.py",
    }


def test_the_handlers_and_their_tests_pass_what_every_handler_has_to(copy: Path) -> None:
    code = list(FILES)
    run(copy, "ruff", "check", "--no-cache", *code)
    run(copy, "ruff", "format", "--no-cache", "--check", *code)
    run(copy, "mypy", *code)
    tests = ("tests/fanout/handlers", "tests/reactions", "tests/tools/test_catalogue.py")
    chosen = f"{NAME} or order_shipped or {DOTTED} or up_to_date"
    run(copy, "pytest", "-q", "-p", "no:cacheprovider", *tests, "-k", chosen)


def test_the_event_that_is_sent_by_hand_arrives_as_the_guide_shows(
    copy: Path, database: Database
) -> None:
    address = {"DATABASE_URL": database.dsn, "COLUMNS": "80"}
    run(copy, "pipeline", "seed", **address)
    [insert] = [each for each in commands(GUIDE) if "INSERT INTO" in each.text]
    program = insert.text.partition("\n")[2].rpartition("END")[0]
    sent = subprocess.run(
        [sys.executable, "-c", program],
        env=os.environ | address,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    # Twenty-four of the sample, and one with the example of the new type.
    assert [sent.strip()] == list(insert.shown) == ["event 26"]
    run(copy, "pipeline", "catch-up", **address)

    printed = run(copy, "pipeline", "why", "--event", "26", **address)

    [why] = [each for each in commands(GUIDE) if " why --event" in each.text]
    assert missing(why.shown, printed) is None, printed
