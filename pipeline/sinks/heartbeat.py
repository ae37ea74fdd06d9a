"""Write the sign of life of the graph that this process runs: its row in ``fanout.graphs``."""

import logging
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from pipeline import __version__
from pipeline.clients.postgres.retry import try_once
from pipeline.clients.postgres.sql import load
from pipeline.domain.errors import ConfigurationError, FanoutError
from pipeline.domain.graph import Graph
from pipeline.settings import DatabaseSettings

# Two may be late before ``/ready`` of the service says that the graph is gone.
EVERY_SECONDS: Final = 4.0
# How long the end of the block waits for the thread. Short: a server that is away must not delay
# a stop.
JOIN_SECONDS: Final = 1.0

_BEAT: Final = load(__package__, "beat")
_log: Final = logging.getLogger(__name__)
_lock: Final = threading.Lock()
_kept: Final[set[tuple[DatabaseSettings, Graph]]] = set()


@contextmanager
def beating(
    settings: DatabaseSettings, graph: Graph, *, every: float = EVERY_SECONDS
) -> Iterator[None]:
    """Write the sign of life of a graph every ``every`` seconds, until the block ends.

    A failure has no effect on the block. If the database is away, this sign of life is not written,
    and the next one follows on time.
    """
    ended = threading.Event()
    thread = _start(settings, graph, every, ended)
    try:
        yield
    finally:
        ended.set()
        thread.join(JOIN_SECONDS)


def keep_beating(settings: DatabaseSettings, graph: Graph) -> None:
    """Write the sign of life of a graph until the process ends. Further calls do nothing."""
    with _lock:
        if (settings, graph) not in _kept:
            _kept.add((settings, graph))
            _start(settings, graph, EVERY_SECONDS, threading.Event())


def _start(
    settings: DatabaseSettings, graph: Graph, every: float, ended: threading.Event
) -> threading.Thread:
    thread = threading.Thread(
        target=_beat_until, args=(settings, graph, every, ended), name="heartbeat", daemon=True
    )
    thread.start()
    return thread


def _beat_until(
    settings: DatabaseSettings, graph: Graph, every: float, ended: threading.Event
) -> None:
    started, warned = time.monotonic(), False
    while not ended.is_set():
        try:
            _beat(settings, graph, time.monotonic() - started)
            warned = False
        except FanoutError as failure:
            # The steps that need the database already warn if it is away.
            if isinstance(failure, ConfigurationError) and not warned:
                _log.warning("could not write the graph's sign of life: %s", failure)
                warned = True
        ended.wait(every)


def _beat(settings: DatabaseSettings, graph: Graph, up_seconds: float) -> None:
    parameters = {
        "graph": graph,
        "up_seconds": up_seconds,
        "version": __version__,
        "host": socket.gethostname(),
    }
    try_once(settings, lambda connection: connection.execute(_BEAT, parameters))
