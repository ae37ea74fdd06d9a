"""Write the files of a new event type."""

import re
import subprocess
import sys
from pathlib import Path
from string import Template
from typing import Final

from tools.new_event.family import FANOUT, EventFamily, module_name
from tools.new_event.name import check_name, class_name

_IMPORT: Final = re.compile(r"^from pipeline\.\w+\.handlers\.", re.MULTILINE)
_ENTRY: Final = re.compile(r"^        (\w+)Handler\(\),$", re.MULTILINE)
_END: Final = re.compile(r"^    \)$", re.MULTILINE)


def write_event(name: str, root: Path, family: EventFamily = FANOUT) -> list[str]:
    """Write a working handler, its test and its line in the table, then the catalogue.

    Args:
        name: the event type, such as ``thing_happened``.
        root: the repository's folder.
        family: of the event type.

    Returns:
        The written paths, relative to the root.

    Raises:
        NameRefused: the name is invalid or taken; nothing was written.
    """
    check_name(name, root, family)
    words = module_name(name).replace("_", " ")
    filling = {
        "event_type": name,
        "module": module_name(name),
        "Payload": class_name(name),
        "words": words,
        "Words": words.capitalize(),
    }
    for path, template in zip(family.paths(name), family.templates, strict=True):
        (root / path).write_text(Template(template).substitute(filling), "utf-8")
    table = root / family.table
    table.write_text(with_handler(table.read_text("utf-8"), name, family), "utf-8")
    written = [*family.paths(name), family.table]
    # The length of the name decides where lines break.
    _run(root, "ruff", "check", "--quiet", "--select", "I", "--fix", *written)
    _run(root, "ruff", "format", "--quiet", *written)
    _run(root, "tools.catalogue")
    return written


def with_handler(table: str, name: str, family: EventFamily = FANOUT) -> str:
    """Return the table with one more handler; the imports are sorted afterwards."""
    handler = class_name(name)
    later = (entry.start() for entry in _ENTRY.finditer(table) if entry[1] > handler)
    end = _END.search(table)
    imports = _IMPORT.search(table)
    if end is None or imports is None:
        raise ValueError(f"{family.table} does not have the expected form")
    entry = next(later, end.start())
    return "".join(
        [
            table[: imports.start()],
            f"from {family.package}.{module_name(name)} import {handler}Handler\n",
            table[imports.start() : entry],
            f"        {handler}Handler(),\n",
            table[entry:],
        ]
    )


def _run(root: Path, module: str, *arguments: str) -> None:
    command = [sys.executable, "-m", module, *arguments]
    subprocess.run(command, cwd=root, check=True)
