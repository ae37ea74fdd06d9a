"""Notes which topic a graph reads, for replays: they must not publish to that of another graph."""

import logging
from typing import Final

from pipeline.clients.postgres.retry import with_connection
from pipeline.clients.postgres.sql import load
from pipeline.domain.errors import FanoutError
from pipeline.domain.graph import Graph
from pipeline.settings import DatabaseSettings

# The graphs whose events can be replayed.
REPLAYED: Final = frozenset({Graph.FANOUT, Graph.REACTIONS})

_NOTE: Final = load(__package__, "note_topic")
_log: Final = logging.getLogger(__name__)


def note_topic(settings: DatabaseSettings, graph: Graph, topic: str | None) -> None:
    """Note the topic of a graph whose events can be replayed. A failure is only logged.

    Args:
        settings: the database.
        graph: the graph.
        topic: ``projects/P/topics/T``. None: it is not known, and what was noted is forgotten.
    """
    if graph not in REPLAYED:
        return
    noted = {"graph": graph, "topic": topic}
    try:
        with_connection(settings, lambda connection: connection.execute(_NOTE, noted))
    except FanoutError as failure:
        _log.warning("could not note the topic of the graph: %s", failure)
