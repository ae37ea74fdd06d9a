"""The span writers of the process. The OpenTelemetry SDK is imported when the first one opens."""

import threading
import time
from typing import TYPE_CHECKING, Final

from pipeline.settings.traces import TraceSettings

if TYPE_CHECKING:
    from pipeline.clients.otlp import SpanWriter

# How long the end of a process waits for its last spans.
CLOSE_SECONDS: Final = 2.0

_lock: Final = threading.Lock()
_writers: Final[dict[TraceSettings, "SpanWriter"]] = {}


def open_spans(settings: TraceSettings) -> "SpanWriter":
    """Return the one writer of the process for a collector. The first call starts its thread.

    Raises:
        ConfigurationError: the SDK rejects one of its variables.
    """
    with _lock:
        if settings not in _writers:
            # A process without traces does without the SDK.
            from pipeline.clients.otlp import SpanWriter  # noqa: PLC0415

            _writers[settings] = SpanWriter(settings)
        return _writers[settings]


def close_spans() -> None:
    """Send what waits, for at most ``CLOSE_SECONDS``. Later spans are dropped."""
    deadline = time.monotonic() + CLOSE_SECONDS
    with _lock:
        for writer in _writers.values():
            writer.close(max(0.0, deadline - time.monotonic()))
