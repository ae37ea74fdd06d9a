"""Subscription filters: ``attributes.KEY = "VALUE"``, several joined by ``AND``."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from local.pubsub.errors import InvalidArgument

_TERM = re.compile(
    r'\s*attributes\.(?:"(?P<quoted>[^"\\]+)"|(?P<bare>[A-Za-z_][\w-]*))'
    r'\s*=\s*"(?P<value>[^"\\]*)"\s*'
)
_AND = re.compile(r"AND(?=\s)")


@dataclass(frozen=True, slots=True)
class Filter:
    """Passes messages that have all attributes in ``required``; an empty one passes everything."""

    required: tuple[tuple[str, str], ...] = ()

    def passes(self, attributes: Mapping[str, str]) -> bool:
        """Return whether a message with these attributes is delivered."""
        return all(attributes.get(key) == value for key, value in self.required)


def parse_filter(text: str) -> Filter:
    """Read a filter expression; an empty one passes everything.

    Raises:
        InvalidArgument: if it uses more than equality and ``AND``.
    """
    if not text.strip():
        return Filter()
    required: list[tuple[str, str]] = []
    position = 0
    while True:
        term = _TERM.match(text, position)
        if term is None:
            break
        required.append((term["quoted"] or term["bare"], term["value"]))
        if term.end() == len(text):
            return Filter(tuple(required))
        conjunction = _AND.match(text, term.end())
        if conjunction is None:
            break
        position = conjunction.end()
    raise InvalidArgument(
        f'invalid filter {text!r}: expected attributes.KEY = "VALUE", several joined by AND'
    )
