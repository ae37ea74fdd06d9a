"""Makes standard output and standard error safe: no text and no lost reader causes a traceback.

Only for processes that own both streams: the command line and the embedded stack.
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

# Replacements for the characters that we draw, for an encoding without them.
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
    """Standard output cannot be written. The text says why; it is empty if the reader has gone."""


@contextmanager
def safe_output() -> Iterator[None]:
    """Run the block with output that accepts every character, and flush it at the end.

    Raises:
        OutputLost: the output of the block could not be written.
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
        # The rest of the buffer must not fail again when Python exits.
        with suppress(OSError, ValueError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        has_no_reader = isinstance(error, BrokenPipeError)
        reason = "" if has_no_reader else f"standard output: {error.strerror}"
        raise OutputLost(reason) from None


def print_json(line: str) -> None:
    """Write one line of JSON. If the encoding lacks a character, escape it, so it stays JSON."""
    try:
        line.encode(sys.stdout.encoding or "utf-8")
    except UnicodeEncodeError:
        line = json.dumps(json.loads(line))
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def _open_closed() -> None:
    """Open the streams that the shell closed: Python has None in their place."""
    mode = "w"
    sys.stdout = sys.stdout or open(os.devnull, mode)  # noqa: PTH123, SIM115
    sys.stderr = sys.stderr or open(os.devnull, mode)  # noqa: PTH123, SIM115


def _replaced(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    unencodable = error.object[error.start : error.end]
    return "".join(_PLAIN.get(each) or _escaped(each) for each in unencodable), error.end


def _escaped(character: str) -> str:
    return character.encode("ascii", "backslashreplace").decode()


codecs.register_error(_HANDLER, _replaced)
