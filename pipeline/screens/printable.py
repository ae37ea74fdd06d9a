"""What strangers wrote, made fit for a terminal."""

from typing import Final

import orjson

FIRST_BYTES: Final = 256
MOST_CHARACTERS: Final = 20_000


def printable(text: str) -> str:
    """The text with everything escaped that could move a cursor, ring a bell or turn a line."""
    return "".join(
        character if character.isprintable() else character.encode("unicode_escape").decode()
        for character in text
    )


def one_line(text: str) -> str:
    """The text on one line, printable: whatever stood between its words, one blank does."""
    return printable(" ".join(text.split()))


def pretty(data: bytes) -> str:
    """JSON indented; of anything else the first bytes, as Python would write them."""
    try:
        return _lines(_indented(data))
    except (orjson.JSONDecodeError, orjson.JSONEncodeError):
        return _shortened(repr(data[:FIRST_BYTES]), len(data) - FIRST_BYTES, "bytes")


def pretty_text(text: str, whole: int) -> str:
    """JSON indented; the beginning as it is where there is more, ``whole`` characters in all."""
    try:
        return _lines(_indented(text))
    except (orjson.JSONDecodeError, orjson.JSONEncodeError):
        shown = text[:MOST_CHARACTERS]
        return _shortened(printable(shown), whole - len(shown), "characters")


def _indented(document: bytes | str) -> str:
    return orjson.dumps(orjson.loads(document), option=orjson.OPT_INDENT_2).decode()


def _lines(text: str) -> str:
    lines = "\n".join(printable(line) for line in text.split("\n"))
    return _shortened(lines[:MOST_CHARACTERS], len(lines) - MOST_CHARACTERS, "characters")


def _shortened(text: str, more: int, unit: str) -> str:
    return f"{text}\n... and {more:,} {unit} more" if more > 0 else text
