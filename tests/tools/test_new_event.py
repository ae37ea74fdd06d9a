import shutil
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

from tools.new_event import NameRefused, write_event
from tools.new_event.write import TABLE, with_handler

ROOT: Final = Path(__file__).resolve().parents[2]
NAMES: Final = ("thing_happened", "a_thing_of_whose_name_there_is_far_too_much")
# The package, the files that its tests need, and the settings of the checks.
COPIED: Final = ("pipeline", "local", "tests", "tools", "docs", "pyproject.toml")


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A copy of the repository, for changes."""
    for name in COPIED:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, tmp_path / name)
    return tmp_path


def run(copy: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", *arguments], cwd=copy, capture_output=True, text=True, check=False
    )


def test_what_is_written_works_at_once_however_long_its_name(copy: Path) -> None:
    code = [TABLE]
    for name in NAMES:
        written = run(copy, "tools.new_event", name)
        assert (written.returncode, written.stdout) == (0, "")
        own = [f"pipeline/fanout/handlers/{name}.py", f"tests/fanout/handlers/test_{name}.py"]
        code += own
        for path in (*own, TABLE, "docs/events.md", f"docs/events/{name}.schema.json"):
            assert f"wrote {path}\n" in written.stderr
            assert name in (copy / path).read_text()
        assert "make catalogue" in written.stderr
    chosen = " or ".join([*NAMES, "up_to_date"])
    for check in (
        ("ruff", "check", "--no-cache", *code),
        ("ruff", "format", "--no-cache", "--check", *code),
        ("mypy", *code),
        ("pytest", "-q", "tests/fanout/handlers", "tests/tools/test_catalogue.py", "-k", chosen),
    ):
        result = run(copy, *check)
        assert result.returncode == 0, result.stdout + result.stderr


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("", "a name is missing: make event NAME=thing_happened"),
        ("Thing_Happened", "invalid event type 'Thing_Happened': expected lower-case words"),
        ("thing-happened", "invalid event type 'thing-happened'"),
        ("happened", "invalid event type 'happened'"),
        ("../thing_happened", "invalid event type"),
        ("thing_" + "so_" * 20 + "much", "is too long"),
        ("document_uploaded", "document_uploaded has a handler already: DocumentUploadedHandler"),
        ("event_type", "event_type needs the class name EventType, which is taken"),
    ],
)
def test_a_bad_name_is_refused_in_one_line_and_nothing_is_written(
    name: str, reason: str, tmp_path: Path
) -> None:
    with pytest.raises(NameRefused) as refused:
        write_event(name, tmp_path)
    assert reason in str(refused.value)
    assert "\n" not in str(refused.value)
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_exists_is_not_written_over(tmp_path: Path) -> None:
    mine = tmp_path / "tests" / "fanout" / "handlers" / "test_thing_happened.py"
    mine.parent.mkdir(parents=True)
    mine.write_text("mine")
    with pytest.raises(NameRefused, match=r"^tests/fanout/handlers/test_thing_happened\.py exists"):
        write_event("thing_happened", tmp_path)
    assert mine.read_text() == "mine"


def test_a_refusal_is_what_the_person_reads() -> None:
    refused = run(ROOT, "tools.new_event", "document_uploaded")
    assert (refused.returncode, refused.stdout) == (1, "")
    assert refused.stderr.startswith("make event: document_uploaded has a handler already")
    assert refused.stderr.count("\n") == 1


@pytest.mark.parametrize("name", ["a_start", "meeting_left", "zoo_visited"])
def test_the_table_stays_sorted(name: str) -> None:
    table = with_handler((ROOT / TABLE).read_text(), name)
    entries = [line for line in table.splitlines() if line.endswith("Handler(),")]
    assert entries == sorted(entries)
    assert f"from pipeline.fanout.handlers.{name} import" in table
