"""Says where a handler of any family failed, without the text of its error."""

import sys
import traceback
from pathlib import PurePath

from pipeline.domain.errors import HandlerFailed


def failed(handler: object, error: Exception | SystemExit) -> HandlerFailed:
    """Describe where a handler failed. Omit the text of the error: it may quote the event.

    A handler that ends its process is one that fails: the event would end the next process too.
    """
    frames = traceback.extract_tb(error.__traceback__)
    # The line in the handler is more useful than the line in a library that it called.
    source = getattr(sys.modules[type(handler).__module__], "__file__", None)
    frame = next((each for each in reversed(frames) if each.filename == source), frames[-1])
    place = f"{PurePath(frame.filename).name}:{frame.lineno}"
    return HandlerFailed(f"{type(handler).__name__} raised {type(error).__name__} at {place}")
