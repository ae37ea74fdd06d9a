"""Standard output and standard error, made to take whatever is written, and to end without a trace.

Only for processes that own them: the command line and the embedded stack.
"""

import codecs
import errno
import json
import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from io import TextIOWrapper
from typing import Final

# What we draw, where the encoding of the terminal has no sign for it.
_PLAIN: Final[Mapping[str, str]] = {
    "✓": "+",
    "✗": "x",
    "→": "->",
    "·": ".",
    "…": "...",
    "━": "-",
    "╸": "-",
    "╺": "-",
    **dict(zip("▁▂▃▄▅▆▇█", "12345678", strict=True)),
}
_HANDLER: Final = "fanout.plain"
_LOST: Final = frozenset(
    {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.EBADF, errno.EPIPE}
)


class OutputLost(Exception):
    """Standard output takes no more; the text says why, and is empty where nobody reads it."""


@contextmanager
def safe_output() -> Iterator[None]:
    """Let everything be written in any encoding, and nothing fail once more at the very end.

    Raises:
        OutputLost: what was written in the block could not be written.
    """
    _open_closed()
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors=_HANDLER)
    try:
        try:
            yield
        finally:
            sys.stdout.flush()
    except OSError as error:
        if error.errno not in _LOST:
            raise
        # What is left in the buffer must not fail at the end again.
        with suppress(OSError, ValueError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        gone = isinstance(error, BrokenPipeError)
        raise OutputLost("" if gone else f"standard output: {error.strerror}") from None


def print_json(line: str) -> None:
    """Write one line of JSON: escaped where standard output cannot show it, so that it stays so."""
    try:
        line.encode(sys.stdout.encoding or "utf-8")
    except UnicodeEncodeError:
        line = json.dumps(json.loads(line))
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def _open_closed() -> None:
    """A shell can start a program with these closed; Python then has None in their place."""
    nowhere = "w"
    sys.stdout = sys.stdout or open(os.devnull, nowhere)  # noqa: PTH123, SIM115
    sys.stderr = sys.stderr or open(os.devnull, nowhere)  # noqa: PTH123, SIM115


def _plainly(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    unknown = error.object[error.start : error.end]
    return "".join(_PLAIN.get(each) or _escaped(each) for each in unknown), error.end


def _escaped(character: str) -> str:
    return character.encode("ascii", "backslashreplace").decode()


codecs.register_error(_HANDLER, _plainly)
