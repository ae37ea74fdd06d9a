"""Names that people gave: a text in, what may stand in a line that others read out."""

import re
from typing import Final

# Whatever ends a line anywhere, or is no character at all; and what turns a line around.
_BREAKS: Final = re.compile(r"\s*[\x00-\x1f\x7f-\x9f\u2028\u2029]+\s*")
_TURNS: Final = re.compile("[\u202a-\u202e\u2066-\u2069]")
# Of an entity only the first character is escaped, so that "Harrow & Pine" stays as it is.
_MARKDOWN: Final = re.compile(r"[\\`*_{}\[\]()<~]|&(?=#?\w+;)")
_BLOCK: Final = re.compile(r"(?:[#>+=-]|\d+(?=[.)]))")


def one_line(text: str | None) -> str:
    """The text on one line and trimmed; nothing, where it shows nothing."""
    if text is None or text.isprintable():
        return (text or "").strip()
    line = _TURNS.sub("", _BREAKS.sub(" ", text)).strip()
    shows = any(character.isprintable() and not character.isspace() for character in line)
    return line if shows else ""


def escape(line: str) -> str:
    """The line as Markdown that shows just this, within other text."""
    return _MARKDOWN.sub(r"\\\g<0>", line)


def escape_alone(line: str) -> str:
    """The line as Markdown that shows just this, where it is a line of its own."""
    start = _BLOCK.match(line)
    if start is None:
        return escape(line)
    head, rest = start.group(), line[start.end() :]
    # Only a number with a dot after it begins a list in Markdown, so the dot is what is escaped.
    return f"{head}\\{rest[0]}{escape(rest[1:])}" if head.isdecimal() else f"\\{head}{escape(rest)}"
