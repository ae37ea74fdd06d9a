"""Ends this process when the one that supervises it has ended, however it ended."""

import os
import signal
import threading
from typing import Final

STDIN: Final = 0


def end_with_supervisor(descriptor: int = STDIN) -> None:
    """Stop this process as SIGTERM does, as soon as nobody holds the other end of a pipe open.

    The supervisor holds it, and writes nothing. The system closes it also after a SIGKILL.

    Args:
        descriptor: the end of the pipe that this process reads.
    """
    threading.Thread(
        target=_watch, args=(descriptor,), name="end with the supervisor", daemon=True
    ).start()


def _watch(descriptor: int) -> None:
    while os.read(descriptor, 1):
        pass
    os.kill(os.getpid(), signal.SIGTERM)
