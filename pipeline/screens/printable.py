"""Makes text from outside safe to print on a terminal."""

from typing import Final

import orjson

FIRST_BYTES: Final = 256
MOST_CHARACTERS: Final = 20_000


def printable(text: str) -> str:
    """Return the text with all control characters escaped, such as cursor moves and line breaks."""
    return "".join(
        character if character.isprintable() else character.encode("unicode_escape").decode()
        for character in text
    )


def printable_lines(text: str) -> str:
    """Return the text printable, with its line breaks."""
    return "\n".join(map(printable, text.split("\n")))


def one_line(text: str) -> str:
    """Return the text on one line, printable, with one blank between its words."""
    return printable(" ".join(text.split()))


def pretty(data: bytes) -> str:
    """Return JSON indented; of other data the first bytes, as a Python literal."""
    try:
        return _lines(_indented(data))
    except (orjson.JSONDecodeError, orjson.JSONEncodeError):
        return _shortened(repr(data[:FIRST_BYTES]), len(data) - FIRST_BYTES, "bytes")


def pretty_text(text: str, whole: int) -> str:
    """Return JSON indented; of other or cut text its beginning. ``whole`` is the full length."""
    try:
        return _lines(_indented(text))
    except (orjson.JSONDecodeError, orjson.JSONEncodeError):
        shown = text[:MOST_CHARACTERS]
        return _shortened(printable(shown), whole - len(shown), "characters")


def _indented(document: bytes | str) -> str:
    return orjson.dumps(orjson.loads(document), option=orjson.OPT_INDENT_2).decode()


def _lines(text: str) -> str:
    lines = printable_lines(text)
    return _shortened(lines[:MOST_CHARACTERS], len(lines) - MOST_CHARACTERS, "characters")


def _shortened(text: str, more: int, unit: str) -> str:
    return f"{text}\n... and {more:,} {unit} more" if more > 0 else text
