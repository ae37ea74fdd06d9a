"""Texts that people wrote: any text in, a short text on one line out that no header can break."""

from typing import Final

from pipeline.domain.names import one_line

# A name in a sentence or a list.
NAME: Final = 120
# Longer subjects are cut by every mail program, and some servers refuse lines of 998 bytes.
SUBJECT: Final = 180
# About what a phone shows of a preheader in two lines.
PREHEADER: Final = 140


def line(text: str | None, most: int = NAME) -> str:
    """Return the text on one line, trimmed, without control characters, cut to ``most`` characters.

    The result is empty if nothing of the text is visible. It can always be encoded.
    """
    clean = one_line(text)
    if not clean.isprintable():
        # Half of a surrogate pair can be in a Python string, but not in UTF-8.
        clean = clean.encode("utf-8", "replace").decode("utf-8")
    return clean if len(clean) <= most else f"{clean[: most - 1].rstrip()}…"
