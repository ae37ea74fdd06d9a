"""The paths that everyone may ask, also those with a parameter."""

import re
from collections.abc import Container, Iterable
from typing import Final

from starlette.routing import compile_path

_PLAIN: Final = re.compile(r"[^{}]*")


class OpenPaths(Container[str]):
    """Contains every path that one of the templates describes, such as ``/unsubscribe/{token}``."""

    def __init__(self, templates: Iterable[str]) -> None:
        every = frozenset(templates)
        self._plain = frozenset(each for each in every if _PLAIN.fullmatch(each))
        self._patterns = [compile_path(each)[0] for each in every - self._plain]

    def __contains__(self, path: object) -> bool:
        """Return whether a path is open."""
        return path in self._plain or any(
            isinstance(path, str) and pattern.match(path) for pattern in self._patterns
        )
