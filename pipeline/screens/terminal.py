"""The console for all screens: a terminal with its width, or plain lines for a file or a pipe."""

import os
from typing import Any, Final

from rich.console import Console

# Wider than any line, because a console of rich must have a width.
_ENDLESS: Final = 1_000_000


def open_console() -> Console:
    """Return a console on standard output.

    COLUMNS sets the width. Without it, a file or a pipe has no width: no line is shortened or
    wrapped, and no line ends in blanks.
    """
    console = Console(highlight=False)
    if console.is_terminal:
        return console
    given = os.environ.get("COLUMNS", "").isdecimal()
    return _Lines(highlight=False, width=console.width if given else _ENDLESS)


def is_endless(console: Console) -> bool:
    """Return whether the console has no width."""
    return console.width >= _ENDLESS


class _Lines(Console):
    def print(self, *objects: Any, **how: Any) -> None:  # noqa: ANN401 - as rich has it
        with self.capture() as captured:
            super().print(*objects, **how)
        self.file.write("\n".join(line.rstrip() for line in captured.get().split("\n")))
