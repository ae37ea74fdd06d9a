"""Rules for the name of a new event type."""

import re
from pathlib import Path
from typing import Final

from pipeline.domain.identifiers import EventType
from pipeline.fanout.handlers import HANDLERS

MAX_CHARACTERS: Final = 50
_NAME: Final = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)+")


class NameRefused(ValueError):
    """The name is missing, malformed or taken; the text states the problem and the fix."""


def class_name(name: str) -> str:
    """Return the class name: ``ThingHappened`` for ``thing_happened``."""
    return "".join(part.capitalize() for part in name.split("_"))


def check_name(name: str, root: Path, template: str) -> None:
    """Check that this can be the name of a new event type.

    Args:
        name: the event type.
        root: the repository's folder.
        template: the handler's template; a class can't have one of its names.

    Raises:
        NameRefused: the name is invalid or taken.
    """
    if not name:
        raise NameRefused("a name is missing: make event NAME=thing_happened")
    if not _NAME.fullmatch(name):
        raise NameRefused(
            f"invalid event type {name!r}: expected lower-case words joined by underscores"
            " that say what happened, such as thing_happened"
        )
    if len(name) > MAX_CHARACTERS:
        raise NameRefused(f"{name} is too long: expected at most {MAX_CHARACTERS} characters")
    if handler := HANDLERS.get(EventType(name)):
        raise NameRefused(f"{name} has a handler already: {type(handler).__name__}")
    if class_name(name) in re.findall(r"\w+", template):
        raise NameRefused(
            f"{name} needs the class name {class_name(name)}, which is taken: choose another name"
        )
    for path in paths(name):
        if (root / path).exists():
            raise NameRefused(f"{path} exists already: choose another name, or move the file")


def paths(name: str) -> tuple[str, str]:
    """Return the paths of the handler and its test."""
    return f"pipeline/fanout/handlers/{name}.py", f"tests/fanout/handlers/test_{name}.py"
