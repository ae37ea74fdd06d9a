"""The traces of the bundle that a thread works on.

All steps of a bundle run in one thread, one inside the other. So the events in flight are kept for
each thread, and no element carries a context.
"""

import threading
from collections.abc import Callable, Iterable, Iterator
from typing import Final, TypeVar

from pipeline.clients.spans import open_spans
from pipeline.domain.identifiers import EventId
from pipeline.settings.traces import TraceSettings
from pipeline.steps.traces.bundle import EventTraces, ItemT, Of
from pipeline.steps.traces.stage import HasLetters

HasLettersT = TypeVar("HasLettersT", bound=HasLetters)

_threads: Final = threading.local()


def start_bundle(settings: TraceSettings | None) -> None:
    """Forget what a bundle left that failed in this thread. Without settings: nothing."""
    if settings is not None:
        _threads.traces = EventTraces(open_spans(settings))


def traces_of(settings: TraceSettings | None) -> EventTraces | None:
    """Return the traces of the bundle that this thread works on; None without settings."""
    if settings is None:
        return None
    if not hasattr(_threads, "traces"):
        start_bundle(settings)
    traces: EventTraces = _threads.traces
    return traces


def traced(
    settings: TraceSettings | None,
    stage: str,
    ids: Iterable[EventId],
    work: Callable[[], HasLettersT],
) -> HasLettersT:
    """Do the work of a stage, and record it for its events if there are settings."""
    traces = traces_of(settings)
    if traces is None:
        return work()
    with traces.stage(stage, ids) as recorded:
        done = work()
        recorded.bury(done.letters)
    return done


def traced_portions(
    settings: TraceSettings | None,
    stage: str,
    ids: Iterable[EventId],
    portions: Iterator[ItemT],
    of: Of[ItemT],
) -> Iterator[ItemT]:
    """Pass portions on, and record the stage for their events if there are settings."""
    traces = traces_of(settings)
    return portions if traces is None else traces.portions(stage, ids, portions, of=of)
