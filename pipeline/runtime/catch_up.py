"""Catch up: everything that the ledger shows as unfinished, through the graph of the stream."""

import logging
import random
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from datetime import timedelta
from typing import Final

from pipeline.clients.postgres.check import check_database
from pipeline.clients.postgres.pool import close_pools
from pipeline.clients.postgres.watchdog import WATCHDOG
from pipeline.domain.backoff import Backoff
from pipeline.domain.errors import LockTimeout, TransientError
from pipeline.domain.identifiers import EventId
from pipeline.ops.report import Report
from pipeline.runtime.runner import local_pipeline
from pipeline.sinks.tally import tally
from pipeline.sources.read_unfinished import ReadUnfinished
from pipeline.sources.unfinished import Selection, count_unfinished
from pipeline.topology.ends import Retries
from pipeline.topology.fanout import Topology

# For how long passes may fail without a single event done before the command gives up.
RETRY_FOR: Final = timedelta(minutes=2)
BACKOFF: Final = Backoff(first=0.2, longest=5.0, at_least=0.5)
REPORT_SECONDS: Final = 0.2

_log: Final = logging.getLogger(__name__)
# Of the process, since a step of the graph looks at it; only a process that ends sets it.
_stopping: Final = threading.Event()
# Events that needed a locked row in the pass under way.
_locked: Final[set[EventId]] = set()


def stop() -> None:
    """Let ``reconcile`` end, and the pass that is under way. Safe in a signal handler."""
    _stopping.set()
    WATCHDOG.cap_deadlines()


def catch_up(
    topology: Topology, selection: Selection, *, report: Report | None = None
) -> dict[str, float]:
    """Process every selected event that has no final state, once.

    Events that commit while it runs may or may not be included. A pass that fails for a transient
    reason is repeated: the ledger knows what is left.

    Args:
        topology: the graph.
        selection: which events.
        report: is told how far it is; to count all events beforehand takes one more statement.

    Returns:
        How many events there were, what they led to, and the seconds it took.

    Raises:
        ConfigurationError: nothing can be read or written.
        TransientError: nothing could be done for ``RETRY_FOR``.
    """
    started = time.monotonic()
    before = tally()
    check_database(topology.database, tables=True)
    with nullcontext() if report is None else _reporting(topology, selection, report):
        _until_done(topology, selection)
    after = tally()
    summary: dict[str, float] = {name: number - before[name] for name, number in after.items()}
    return summary | {"seconds": round(time.monotonic() - started, 3)}


def reconcile(
    topology: Topology, selection: Selection, *, every: timedelta, report: Report | None = None
) -> Iterator[dict[str, float]]:
    """Catch up again and again until ``stop`` is called; yields each summary.

    Where Postgres is away it is waited for, the first time already.

    Raises:
        ConfigurationError: nothing can be read or written.
    """
    away = False
    while not _stopping.is_set():
        pause = every.total_seconds()
        try:
            yield catch_up(topology, selection, report=report)
            away = False
        except TransientError as failure:
            if not away:
                _log.warning("%s; waiting", failure)
            # A connection that ended with the server would fail the next pass as well.
            close_pools()
            away = True
            pause = min(pause, BACKOFF.longest)
        _stopping.wait(pause)


def _going_on() -> bool:
    """Whether events are still wanted."""
    return not _stopping.is_set()


def _leave_for_the_next_pass(event_ids: Sequence[EventId]) -> None:
    _locked.update(event_ids)


def _pass(topology: Topology, selection: Selection) -> None:
    """Process what is unfinished now.

    Raises:
        TransientError: something is left: all of it, or only what needs a locked row.
        ConfigurationError: nothing can be read or written.
    """
    _locked.clear()
    pipeline = local_pipeline()
    source = ReadUnfinished(topology.database, selection, _going_on)
    topology.build(pipeline, source, Retries(locked=_leave_for_the_next_pass))
    pipeline.run().wait_until_finish()
    if _locked:
        raise LockTimeout(f"{len(_locked):,} of the events need a row that is locked")


def _until_done(topology: Topology, selection: Selection) -> None:
    deadline = time.monotonic() + RETRY_FOR.total_seconds()
    tries = 0
    done = tally()["events"]
    while not _stopping.is_set():
        try:
            _pass(topology, selection)
        except TransientError as failure:
            if tally()["events"] > done:
                done = tally()["events"]
                deadline = time.monotonic() + RETRY_FOR.total_seconds()
                tries = 0
            if time.monotonic() > deadline:
                raise
            if not _stopping.is_set():
                _log.warning("%s; going on in a moment", failure)
            _stopping.wait(BACKOFF.pause(tries, random.uniform))
            tries += 1
        else:
            return


@contextmanager
def _reporting(topology: Topology, selection: Selection, report: Report) -> Iterator[None]:
    """Report how many events are done, again and again until the block ends."""
    total = count_unfinished(topology.database, selection)
    before = tally()["events"]
    ended = threading.Event()

    def follow() -> None:
        while not ended.wait(REPORT_SECONDS):
            report(tally()["events"] - before, total)

    report(0, total)
    thread = threading.Thread(target=follow, name="progress", daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()
        report(tally()["events"] - before, total)
