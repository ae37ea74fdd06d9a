"""Where screens are drawn: in a terminal to its width, into a file or a pipe as plain lines."""

import os
from typing import IO, Any, Final

from rich.console import Console

# More than any line has: rich knows no console without an end.
_ENDLESS: Final = 1_000_000


def open_console(file: IO[str] | None = None) -> Console:
    """A console on standard output, or on the file.

    COLUMNS is the width where it is set. Otherwise what is no terminal has none: nothing is
    shortened or wrapped, and no line ends in blanks.
    """
    console = Console(file=file, highlight=False)
    if console.is_terminal:
        return console
    given = os.environ.get("COLUMNS", "").isdecimal()
    return _Lines(file=file, highlight=False, width=console.width if given else _ENDLESS)


def is_endless(console: Console) -> bool:
    """Whether there is no width to fill."""
    return console.width >= _ENDLESS


class _Lines(Console):
    def print(self, *objects: Any, **how: Any) -> None:  # noqa: ANN401 - as rich has it
        with self.capture() as captured:
            super().print(*objects, **how)
        self.file.write("\n".join(line.rstrip() for line in captured.get().split("\n")))
