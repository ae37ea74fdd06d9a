"""Plain text for phones: they show the marks of Markdown as they are."""

import re
from typing import Final

_BOLD: Final = re.compile(r"\*\*(.+?)\*\*")


def plain_text(text: str) -> str:
    """Return a text without the marks for bold, which our notifications use."""
    return _BOLD.sub(r"\1", text)
