"""What a new event type may be called."""

import re
from pathlib import Path
from typing import Final

from pipeline.domain.identifiers import EventType
from pipeline.fanout.handlers import HANDLERS

MAX_CHARACTERS: Final = 50
_NAME: Final = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)+")


class NameRefused(ValueError):
    """The name is missing, malformed or taken; the text says which, and what to do."""


def class_name(name: str) -> str:
    """``thing_happened`` as a class: ``ThingHappened``."""
    return "".join(part.capitalize() for part in name.split("_"))


def check_name(name: str, root: Path, template: str) -> None:
    """Return if this can be the name of a new event type.

    Args:
        name: of the event type.
        root: of the repository.
        template: of the handler, whose words are not free for a class.

    Raises:
        NameRefused: it cannot.
    """
    if not name:
        raise NameRefused("a name is missing: make event NAME=thing_happened")
    if not _NAME.fullmatch(name):
        raise NameRefused(
            f"{name!r} is no event type: say what happened to what,"
            " in lower-case words joined by underscores, such as thing_happened"
        )
    if len(name) > MAX_CHARACTERS:
        raise NameRefused(f"{name} is too long: {MAX_CHARACTERS} characters are enough")
    if handler := HANDLERS.get(EventType(name)):
        raise NameRefused(f"{name} has a handler already: {type(handler).__name__}")
    if class_name(name) in re.findall(r"\w+", template):
        raise NameRefused(f"{name} would be the class {class_name(name)}, which is taken")
    for path in paths(name):
        if (root / path).exists():
            raise NameRefused(f"{path} exists already: choose another name, or move it")


def paths(name: str) -> tuple[str, str]:
    """Where the handler and its test belong."""
    return f"pipeline/fanout/handlers/{name}.py", f"tests/fanout/handlers/test_{name}.py"
