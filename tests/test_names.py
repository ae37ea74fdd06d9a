"""Names: no two classes of the package share one, and the words of the glossary are in the code."""

import ast
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[1]
PACKAGE: Final = ROOT / "pipeline"
GLOSSARY: Final = (ROOT / "docs/glossary.md").read_text("utf-8")
# Words that name nothing in the package's Python code, and where they are instead.
ELSEWHERE: Final = {
    "admitted": "a part of pipeline/sinks/sql/write_outcomes.sql",
    "counter row": "a row of notifications with a counter_thread_id",
    "decision": "a row of notification_decisions",
}


def modules(folder: Path) -> Iterator[tuple[Path, ast.Module]]:
    for path in sorted(folder.rglob("*.py")):
        yield path, ast.parse(path.read_text("utf-8"))


def shared_names(folder: Path) -> dict[str, list[str]]:
    """The class names that occur more than once below a folder, with the files."""
    files = defaultdict(list)
    for path, module in modules(folder):
        for node in ast.walk(module):
            if isinstance(node, ast.ClassDef):
                files[node.name].append(path.relative_to(folder).as_posix())
    return {name: found for name, found in files.items() if len(found) > 1}


def declared_names(folder: Path) -> set[str]:
    """The names of modules, classes, functions, arguments, fields and variables below a folder."""
    names = set()
    for path, module in modules(folder):
        names.add(path.parent.name if path.stem == "__init__" else path.stem)
        for node in ast.walk(module):
            match node:
                case ast.ClassDef() | ast.FunctionDef():
                    names.add(node.name)
                case ast.arg():
                    names.add(node.arg)
                case ast.Name(ctx=ast.Store()):
                    names.add(node.id)
    return names


def tables(folder: Path) -> set[str]:
    """The tables that the migrations create."""
    created = re.compile(r"^CREATE TABLE (?:IF NOT EXISTS )?(?:\w+\.)?(\w+)", re.MULTILINE)
    return {
        name for path in folder.rglob("*.sql") for name in created.findall(path.read_text("utf-8"))
    }


def words(glossary: str) -> list[str]:
    """The words that a glossary explains."""
    return re.findall(r"^\| ([^|]+) \| [^|]+ \|$", glossary, re.MULTILINE)[1:]


def without_a_name(glossary: Iterable[str], names: set[str]) -> set[str]:
    """The words that name nothing in the code: neither as ``dead_letter`` nor as ``DeadLetter``."""
    known = {name.strip("_").replace("_", "").lower() for name in names}
    return {word for word in glossary if re.sub("[ -]", "", word).lower() not in known}


def test_no_two_classes_share_a_name() -> None:
    assert shared_names(PACKAGE) == {}


def test_control_a_second_class_of_one_name_is_found(tmp_path: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / f"{name}.py").write_text("class Letter:\n    class Inner: ...\n")
    (tmp_path / "three.py").write_text("class Other: ...\n")
    assert shared_names(tmp_path) == {"Letter": ["one.py", "two.py"], "Inner": ["one.py", "two.py"]}


def test_the_code_uses_the_words_of_the_glossary() -> None:
    assert without_a_name(words(GLOSSARY), declared_names(PACKAGE)) == ELSEWHERE.keys()


def test_the_glossary_explains_each_word_once_and_in_order() -> None:
    explained = words(GLOSSARY)
    assert explained == sorted(set(explained))


def test_the_tables_that_the_glossary_names_exist() -> None:
    named = set(re.findall(r"`(\w+)`", GLOSSARY))
    assert named
    assert named <= tables(ROOT / "migrations")


def test_control_a_word_without_a_name_is_found(tmp_path: Path) -> None:
    glossary = """
| word | meaning |
|---|---|
| dead letter | an event that cannot be processed |
| wake-up | a message that says which row to read |
| excluded user | the person who caused an event |
| author | the old word for it |
"""
    (tmp_path / "wake_up.py").write_text("def find(excluded_user: str) -> None: ...\n")
    (tmp_path / "letters.py").write_text("class DeadLetter:\n    fingerprint: str\n")
    assert words(glossary) == ["dead letter", "wake-up", "excluded user", "author"]
    assert without_a_name(words(glossary), declared_names(tmp_path)) == {"author"}
