"""The files of the catalogue: paths below ``docs``, and their content."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from pipeline.domain.identifiers import EventType
from pipeline.fanout.handler import Handler
from pipeline.ops.catalogue.entry import describe
from pipeline.ops.catalogue.reaction import describe_reaction
from pipeline.reactions.handler import ReactionHandler
from tools.catalogue.page import page
from tools.catalogue.reactions_page import PAGE, reactions_page

DOCS: Final = Path(__file__).resolve().parents[2] / "docs"
STALE: Final = "the catalogue is stale: run make catalogue"
_PAGE: Final = "events.md"
_SCHEMAS: Final = "events/*.schema.json"


def catalogue(
    handlers: Mapping[EventType, Handler[Any]],
    reactions: Mapping[EventType, ReactionHandler[Any]],
) -> dict[str, str]:
    """Return every file of the catalogue, by its path below ``docs``.

    Args:
        handlers: of the fan-out.
        reactions: the handlers of reactions.

    Raises:
        LookupError: a payload class has no example.
    """
    reacting = [describe_reaction(reactions[event_type]) for event_type in sorted(reactions)]
    entries = [describe(handlers[event_type]) for event_type in sorted(handlers)]
    schemas = {entry.handler.event_type: entry.schema for entry in entries}
    schemas |= {entry.handler.event_type: entry.schema for entry in reacting}
    return {_PAGE: page(entries), PAGE: reactions_page(reacting)} | {
        f"events/{name}.schema.json": _json(schema) for name, schema in schemas.items()
    }


def on_disk(docs: Path) -> dict[str, str]:
    """Return the files of the catalogue as they are on disk."""
    pages = (docs / _PAGE, docs / PAGE)
    paths = [path for path in (*pages, *docs.glob(_SCHEMAS)) if path.is_file()]
    return {path.relative_to(docs).as_posix(): path.read_text("utf-8") for path in paths}


def rewrite(docs: Path, wanted: Mapping[str, str]) -> list[str]:
    """Write the wanted files, and delete those of event types that no longer exist.

    Returns:
        The changed paths.
    """
    present = on_disk(docs)
    changed = sorted(
        name for name in present.keys() | wanted.keys() if present.get(name) != wanted.get(name)
    )
    for name in changed:
        path = docs / name
        if name in wanted:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(wanted[name], "utf-8")
        else:
            path.unlink()
    return changed


def _json(document: Mapping[str, Any]) -> str:
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"
