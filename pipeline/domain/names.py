"""Names that people chose: a text in, text that is safe inside one line out."""

import re
from typing import Final

# Line breaks and control characters. Then: characters that reverse the direction of a line.
_BREAKS: Final = re.compile(r"\s*[\x00-\x1f\x7f-\x9f\u2028\u2029]+\s*")
_DIRECTIONS: Final = re.compile("[\u202a-\u202e\u2066-\u2069]")
# "&" is escaped only where it starts an HTML entity, so that "Harrow & Pine" stays as it is.
_MARKDOWN: Final = re.compile(r"[\\`*_{}\[\]()<~]|&(?=#?\w+;)")
_BLOCK: Final = re.compile(r"(?:[#>+=-]|\d+(?=[.)]))")


def one_line(text: str | None) -> str:
    """Return the text trimmed and on one line; an empty string if nothing of it is visible."""
    if text is None or text.isprintable():
        return (text or "").strip()
    line = _DIRECTIONS.sub("", _BREAKS.sub(" ", text)).strip()
    shows = any(character.isprintable() and not character.isspace() for character in line)
    return line if shows else ""


def named(event_type: str) -> str:
    """Return an event type as a sentence or a table names it.

    A type of a producer can be any text: one that is empty, or has blanks or control characters, is
    shown as a Python literal, so that it ends where it seems to end.
    """
    is_word = event_type.isprintable() and len(event_type.split()) == 1 and " " not in event_type
    return event_type if is_word else repr(event_type)


def escape(line: str) -> str:
    """Escape a line as Markdown for use inside other text."""
    return _MARKDOWN.sub(r"\\\g<0>", line)


def escape_alone(line: str) -> str:
    """Escape a line as Markdown for use as a separate line."""
    start = _BLOCK.match(line)
    if start is None:
        return escape(line)
    head, rest = start.group(), line[start.end() :]
    # In Markdown a number starts a list only if a dot follows, so the dot is escaped.
    return f"{head}\\{rest[0]}{escape(rest[1:])}" if head.isdecimal() else f"\\{head}{escape(rest)}"
