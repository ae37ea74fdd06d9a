"""The families of events that ``make event`` knows: names, files and templates."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from pipeline.domain.identifiers import EventType
from pipeline.fanout.handlers import HANDLERS
from pipeline.reactions.handlers import REACTION_HANDLERS

# The first line of a handler has the name twice, and at most 100 characters.
MAX_CHARACTERS: Final = 45
_TEMPLATES: Final = Path(__file__).parent / "templates"


@dataclass(frozen=True, slots=True, kw_only=True)
class EventFamily:
    """Where the files of an event type of one family go.

    Attributes:
        name: of the family, and of the folder of its templates.
        rule: what the name of an event type looks like.
        words: the rule in words.
        example: a name.
        tests: the folder of the tests.
        taken: the types that have a handler.
        works: what the written handler does.
        also: one more step for its author.
        guide: the document to go on with.
    """

    name: str
    rule: re.Pattern[str]
    words: str
    example: str
    tests: str
    taken: Mapping[EventType, object]
    works: str
    also: str
    guide: str

    @property
    def package(self) -> str:
        """The package of the handlers."""
        return f"pipeline.{self.name}.handlers"

    @property
    def table(self) -> str:
        """The file with the table of handlers."""
        return f"pipeline/{self.name}/handlers/__init__.py"

    @property
    def templates(self) -> tuple[str, str]:
        """The templates of the handler and its test."""
        folder = _TEMPLATES / self.name
        handler, test = (folder / f"{kind}.py.txt" for kind in ("handler", "test"))
        return handler.read_text("utf-8"), test.read_text("utf-8")

    def paths(self, name: str) -> tuple[str, str]:
        """Return the paths of the handler and its test."""
        module = module_name(name)
        return f"pipeline/{self.name}/handlers/{module}.py", f"{self.tests}/test_{module}.py"


def module_name(name: str) -> str:
    """Return the name of the module: ``thing_happened`` for ``thing.happened``."""
    return name.replace(".", "_")


FANOUT: Final = EventFamily(
    name="fanout",
    rule=re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)+"),
    words="lower-case words joined by underscores that say what happened",
    example="thing_happened",
    tests="tests/fanout/handlers",
    taken=HANDLERS,
    works="everyone in the project is notified, in the app",
    also="if it sends e-mails, say what stands in them: docs/mail.md",
    guide="docs/adding-an-event-type.md",
)
REACTIONS: Final = EventFamily(
    name="reactions",
    rule=re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)*(\.[a-z][a-z0-9]*(_[a-z0-9]+)*)+"),
    words="lower-case words joined by dots and underscores that say what happened",
    example="order.shipped",
    tests="tests/reactions",
    taken=REACTION_HANDLERS,
    works="somebody has a task to tell the person",
    also="if it needs to know something, ask it: docs/reactions.md, Add an event type",
    guide="docs/reactions.md, Run it",
)
FAMILIES: Final = {family.name: family for family in (FANOUT, REACTIONS)}
