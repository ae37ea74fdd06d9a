"""Catch up: process the unfinished events of the ledger with the graph of the stream."""

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
from pipeline.sinks.unpublished_letters import publish_unpublished
from pipeline.sources.read_unfinished import ReadUnfinished
from pipeline.sources.unfinished import Selection, count_unfinished
from pipeline.topology.ends import Retries
from pipeline.topology.fanout import Topology

# The command gives up after passes have failed for this time without finishing an event.
RETRY_FOR: Final = timedelta(minutes=2)
BACKOFF: Final = Backoff(first=0.2, longest=5.0, at_least=0.5)
REPORT_SECONDS: Final = 0.2

_log: Final = logging.getLogger(__name__)
# Global, because a step of the graph reads it. It is set only when the process ends.
_stopping: Final = threading.Event()
# Events of the current pass that need a locked row.
_locked: Final[set[EventId]] = set()


def stop() -> None:
    """Make ``reconcile`` and the current pass end. Safe in a signal handler."""
    _stopping.set()
    WATCHDOG.cap_deadlines()


def catch_up(
    topology: Topology, selection: Selection, *, report: Report | None = None
) -> dict[str, float]:
    """Process every selected event that has no final state, once.

    Events that commit during the run may be included or not. After a transient error the next pass
    processes the events that the ledger still shows as unfinished.

    Args:
        topology: the graph.
        selection: the events to process.
        report: called with the progress. Costs one more statement, which counts all events first.

    Returns:
        The counts of the results, and the duration in seconds.

    Raises:
        ConfigurationError: reads or writes cannot succeed until a person fixes it.
        TransientError: no event could be finished for ``RETRY_FOR``.
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
    """Catch up every ``every`` until ``stop`` is called, and yield each summary.

    If Postgres is away, also at the start, retry until it is back.

    Raises:
        ConfigurationError: reads or writes cannot succeed until a person fixes it.
    """
    away = False
    while not _stopping.is_set():
        pause = every.total_seconds()
        try:
            yield catch_up(topology, selection, report=report)
            away = False
        except TransientError as failure:
            if not away:
                _log.warning("%s; retrying until it succeeds", failure)
            # Connections that the server closed would make the next pass fail too.
            close_pools()
            away = True
            pause = min(pause, BACKOFF.longest)
        _stopping.wait(pause)


def _continues() -> bool:
    """Whether to read more events."""
    return not _stopping.is_set()


def _leave_for_the_next_pass(event_ids: Sequence[EventId]) -> None:
    _locked.update(event_ids)


def _pass(topology: Topology, selection: Selection) -> None:
    """Process the events that are unfinished now.

    Raises:
        TransientError: events are left: all, or only those that need a locked row.
        ConfigurationError: reads or writes cannot succeed until a person fixes it.
    """
    _locked.clear()
    pipeline = local_pipeline()
    source = ReadUnfinished(topology.database, selection, _continues)
    topology.build(pipeline, source, Retries(locked=_leave_for_the_next_pass))
    pipeline.run().wait_until_finish()
    if not topology.ends.is_dry_run:
        _publish_letters(topology)
    if _locked:
        raise LockTimeout.of_events(len(_locked))


def _publish_letters(topology: Topology) -> None:
    """Publish the dead letters that an earlier pass wrote but did not publish.

    Their events are final, so no pass finds them. An outage of Pub/Sub keeps nobody from finishing
    events: the letters wait for the next pass, or for the stream.

    Raises:
        ConfigurationError: the topic is missing, or its rights are.
    """
    topic = topology.ends.dead_letter_topic
    if topic is None:
        return
    try:
        publish_unpublished(topology.database, topic, _stopping.is_set)
    except TransientError as failure:
        _log.warning("%s; dead letters that are not on their topic wait", failure)


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
                _log.warning("%s; retrying soon", failure)
            _stopping.wait(BACKOFF.pause(tries, random.uniform))
            tries += 1
        else:
            return


@contextmanager
def _reporting(topology: Topology, selection: Selection, report: Report) -> Iterator[None]:
    """Report the number of finished events every ``REPORT_SECONDS`` until the block ends."""
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
