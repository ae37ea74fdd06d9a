"""Rules for the name of a new event type."""

import re
from pathlib import Path

from pipeline.domain.identifiers import EventType
from tools.new_event.family import FANOUT, MAX_CHARACTERS, REACTIONS, EventFamily, module_name


class NameRefused(ValueError):
    """The name is missing, malformed or taken; the text states the problem and the fix."""


def class_name(name: str) -> str:
    """Return the class name: ``ThingHappened`` for ``thing_happened`` and ``thing.happened``."""
    return "".join(part.capitalize() for part in module_name(name).split("_"))


def check_name(name: str, root: Path, family: EventFamily = FANOUT) -> None:
    """Check that this can be the name of a new event type.

    Args:
        name: the event type.
        root: the repository's folder.
        family: of the event type.

    Raises:
        NameRefused: the name is invalid or taken.
    """
    if not name:
        of = "" if family is FANOUT else f"FAMILY={family.name} "
        raise NameRefused(f"a name is missing: make event {of}NAME={family.example}")
    if not family.rule.fullmatch(name):
        hint = ""
        if family is FANOUT and REACTIONS.rule.fullmatch(name):
            hint = f"; a type with dots is one of FAMILY={REACTIONS.name}"
        raise NameRefused(
            f"invalid event type {name!r}: expected {family.words}, such as {family.example}{hint}"
        )
    if len(name) > MAX_CHARACTERS:
        raise NameRefused(f"{name} is too long: expected at most {MAX_CHARACTERS} characters")
    if taken := family.taken.get(EventType(name)):
        raise NameRefused(f"{name} has a handler already: {type(taken).__name__}")
    handler, _ = family.templates
    if class_name(name) in re.findall(r"\w+", handler) or _is_class(class_name(name), root):
        raise NameRefused(
            f"{name} needs the class name {class_name(name)}, which is taken: choose another name"
        )
    for path in family.paths(name):
        if (root / path).exists():
            raise NameRefused(f"{path} exists already: choose another name, or move the file")


def _is_class(name: str, root: Path) -> bool:
    """Return whether the package defines a class of this name, or the handler's."""
    defined = re.compile(rf"^class {name}(Handler)?\b", re.MULTILINE)
    files = (root / "pipeline").rglob("*.py")
    return any(defined.search(path.read_text("utf-8")) for path in files)
