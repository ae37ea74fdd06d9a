"""Publish dead letters that are in their table, and that nobody has published in time."""

import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final

from psycopg import Connection
from psycopg.rows import class_row

from pipeline.clients.postgres.retry import try_once
from pipeline.clients.postgres.sql import load
from pipeline.clients.pubsub.publish import publish
from pipeline.domain.errors import ConfigurationError, FanoutError
from pipeline.domain.graph import Graph
from pipeline.domain.units import counted
from pipeline.settings import DatabaseSettings
from pipeline.sinks.dead_letters import LetterRow, forget_published

# The graphs that write dead letters. What cannot be sent or pushed is in the ledger of deliveries.
BURYING: Final = frozenset({Graph.FANOUT, Graph.JOBS, Graph.REACTIONS})
# How often a process looks, and the most that it publishes at once.
EVERY_SECONDS: Final = 10.0
MOST: Final = 500
# Whoever takes a letter has it for a minute. Other letters wait for Pub/Sub meanwhile.
PUBLISH_SECONDS: Final = 20.0
# How long the end of the block waits for the thread. Short: Pub/Sub that is away must not delay a
# stop.
JOIN_SECONDS: Final = 1.0

_UNPUBLISHED: Final = load(__package__, "unpublished_letters")
_log: Final = logging.getLogger(__name__)
_lock: Final = threading.Lock()
_kept: Final[set[tuple[DatabaseSettings, str]]] = set()


def publish_unpublished(
    settings: DatabaseSettings, topic: str, stopping: Callable[[], bool] = lambda: False
) -> int:
    """Publish the open dead letters that nobody has published to this topic within a minute.

    Args:
        settings: the database.
        topic: the topic to publish to.
        stopping: whether to end. It is asked before each ``MOST`` of them.

    Returns:
        How many. The topic may carry one twice: whoever wrote it may be slow, not gone.

    Raises:
        TransientError: the database or Pub/Sub did not answer. The letters are tried again.
        ConfigurationError: the table or the topic is missing, or its rights are.
    """
    published = 0
    while not stopping() and (rows := _take(settings, topic)):
        publish(topic, [row.to_message() for row in rows], within=PUBLISH_SECONDS)
        forget_published(settings, [row.letter_key for row in rows])
        published += len(rows)
    return published


@contextmanager
def publishing(settings: DatabaseSettings, graph: Graph, topic: str | None) -> Iterator[None]:
    """Publish such dead letters every ``EVERY_SECONDS``, until the block ends.

    A failure has no effect on the block. Without a topic, or for a graph that writes no dead
    letters, nothing is done.
    """
    if topic is None or graph not in BURYING:
        yield
        return
    ended = threading.Event()
    thread = _start(settings, topic, ended)
    try:
        yield
    finally:
        ended.set()
        thread.join(JOIN_SECONDS)


def keep_publishing(settings: DatabaseSettings, graph: Graph, topic: str | None) -> None:
    """Do the same until the process ends. Further calls do nothing."""
    if topic is None or graph not in BURYING:
        return
    with _lock:
        if (settings, topic) not in _kept:
            _kept.add((settings, topic))
            _start(settings, topic, threading.Event())


def _take(settings: DatabaseSettings, topic: str) -> list[LetterRow]:
    """Return what the messages say. No other process gets these letters for a minute."""

    def work(connection: Connection[Any]) -> list[LetterRow]:
        with connection.cursor(row_factory=class_row(LetterRow)) as cursor:
            return cursor.execute(_UNPUBLISHED, {"topic": topic, "most": MOST}).fetchall()

    return try_once(settings, work)


def _start(settings: DatabaseSettings, topic: str, ended: threading.Event) -> threading.Thread:
    thread = threading.Thread(
        target=_publish_until, args=(settings, topic, ended), name="letters", daemon=True
    )
    thread.start()
    return thread


def _publish_until(settings: DatabaseSettings, topic: str, ended: threading.Event) -> None:
    warned = False
    while not ended.is_set():
        try:
            if published := publish_unpublished(settings, topic, ended.is_set):
                _log.info("published %s late", counted(published, "dead letter"))
            warned = False
        except FanoutError as failure:
            # The steps that need the database or the topic already warn if it is away.
            if isinstance(failure, ConfigurationError) and not warned:
                _log.warning("could not publish dead letters: %s", failure)
                warned = True
        ended.wait(EVERY_SECONDS)
