"""Ends this process when the one that supervises it has ended, however it ended."""

import os
import signal
import threading
from typing import Final

_STDIN: Final = 0


def end_with_supervisor() -> None:
    """Stop this process as SIGTERM does, as soon as nobody holds the other end of its stdin open.

    The supervisor holds it, and writes nothing. The system closes it also after a SIGKILL.
    """
    threading.Thread(target=_watch, name="end with the supervisor", daemon=True).start()


def _watch() -> None:
    while os.read(_STDIN, 1):
        pass
    os.kill(os.getpid(), signal.SIGTERM)
