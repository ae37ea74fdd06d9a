import shutil
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

from tools.new_event import NameRefused, write_event
from tools.new_event.family import FANOUT, REACTIONS, EventFamily, module_name
from tools.new_event.write import with_handler

ROOT: Final = Path(__file__).resolve().parents[2]
NAMES: Final = ("thing_happened", "a_thing_of_whose_name_there_is_far_too_much")
DOTTED: Final = ("order.shipped", "an.order_of_the_shop.that_is_long_was_shipped")
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


def write(copy: Path, family: EventFamily, names: tuple[str, ...]) -> list[str]:
    """Write these types; return the files with code."""
    page = {"fanout": "docs/events.md", "reactions": "docs/reaction-events.md"}[family.name]
    code = [family.table]
    for name in names:
        of = [] if family is FANOUT else ["--family", family.name]
        written = run(copy, "tools.new_event", *of, name)
        assert (written.returncode, written.stdout) == (0, "")
        code += family.paths(name)
        for path in (*family.paths(name), page, f"docs/events/{name}.schema.json"):
            assert f"wrote {path}\n" in written.stderr
            text = (copy / path).read_text()
            assert name in text or module_name(name) in text
        assert f"wrote {family.table}\n" in written.stderr
        assert "make catalogue" in written.stderr
    return code


def test_what_is_written_works_at_once_however_long_its_name(copy: Path) -> None:
    code = [*write(copy, FANOUT, NAMES), *write(copy, REACTIONS, DOTTED)]
    chosen = " or ".join([*NAMES, "order_shipped", "was_shipped", "up_to_date"])
    for check in (
        ("ruff", "check", "--no-cache", *code),
        ("ruff", "format", "--no-cache", "--check", *code),
        ("mypy", *code),
        (
            *("pytest", "-q", "tests/fanout/handlers", "tests/reactions"),
            *("tests/tools/test_catalogue.py", "-k", chosen),
        ),
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
    table = with_handler((ROOT / FANOUT.table).read_text(), name)
    entries = [line for line in table.splitlines() if line.endswith("Handler(),")]
    assert entries == sorted(entries)
    assert f"from pipeline.fanout.handlers.{name} import" in table


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("", "a name is missing: make event FAMILY=reactions NAME=order.shipped"),
        (
            "order_shipped",
            "invalid event type 'order_shipped': expected lower-case words joined by",
        ),
        ("Order.shipped", "invalid event type 'Order.shipped'"),
        ("order..shipped", "invalid event type"),
        ("../order.shipped", "invalid event type"),
        ("order." + "so_" * 40 + "much", "is too long: expected at most 45 characters"),
        ("user.verified", "user.verified has a handler already: UserVerifiedHandler"),
        ("inbox.item", "inbox.item needs the class name InboxItem, which is taken"),
    ],
)
def test_a_bad_name_with_dots_is_refused_in_one_line_too(
    name: str, reason: str, tmp_path: Path
) -> None:
    effects = Path("pipeline", "reactions", "effects.py")
    (tmp_path / effects).parent.mkdir(parents=True)
    shutil.copy(ROOT / effects, tmp_path / effects)
    with pytest.raises(NameRefused) as refused:
        write_event(name, tmp_path, REACTIONS)
    assert reason in str(refused.value)
    assert "\n" not in str(refused.value)
    assert [each for each in tmp_path.rglob("*") if each.is_file()] == [tmp_path / effects]


def test_a_name_with_dots_in_the_other_family_says_which_family_it_is_of(tmp_path: Path) -> None:
    with pytest.raises(NameRefused, match="a type with dots is one of FAMILY=reactions"):
        write_event("order.shipped", tmp_path)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--family", "mail", "--", "order.shipped"), "invalid family 'mail': expected fanout or"),
        (("order.shipped", "again"), "unrecognized arguments: again"),
    ],
)
def test_a_mistake_on_the_command_line_is_told_in_one_line(
    arguments: tuple[str, ...], said: str
) -> None:
    refused = run(ROOT, "tools.new_event", *arguments)
    assert refused.returncode == 1
    assert refused.stderr.startswith("make event: ")
    assert said in refused.stderr
    assert refused.stderr.count("\n") == 1


def test_help_has_an_example_of_each_family() -> None:
    helped = run(ROOT, "tools.new_event", "--help")
    assert helped.returncode == 0
    assert "make event FAMILY=reactions NAME=order.shipped" in helped.stdout
    assert "make event NAME=thing_happened" in helped.stdout
