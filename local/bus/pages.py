"""The page of the bus and what it fetches: a path in; a status, a type and a body out."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Final
from uuid import UUID

from local.bus.shown import Shelf

Found = tuple[int, str, bytes]

_FILES: Final[Mapping[str, tuple[str, str]]] = {
    "/": ("index.html", "text/html"),
    "/page.js": ("page.js", "text/javascript"),
    "/page.css": ("page.css", "text/css"),
}
_FOLDER: Final = Path(__file__).parent / "page"


class Pages:
    """The page, and what it shows from a shelf."""

    def __init__(self, shelf: Shelf | None) -> None:
        self._shelf = shelf

    def find(self, path: str, query: Mapping[str, Sequence[str]]) -> Found | None:
        """Return what is at a path; None: nothing is."""
        if path in _FILES:
            name, kind = _FILES[path]
            return 200, kind, (_FOLDER / name).read_bytes()
        if path == "/people":
            people = [] if self._shelf is None else self._shelf.people()
            return _json([{"id": str(each.id), "name": each.name} for each in people])
        if path == "/notifications":
            try:
                user = UUID(query["user"][0])
            except (KeyError, ValueError):
                return 400, "text/plain", b"expected ?user=UUID\n"
            shown = [] if self._shelf is None else self._shelf.notifications(user)
            return _json([asdict(each) for each in shown])
        return None


def _json(content: object) -> Found:
    return 200, "application/json", json.dumps(content).encode()
