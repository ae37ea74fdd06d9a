"""Tells whether a topic is the one that the graph of a replay reads."""

from typing import Final

from pipeline.clients.postgres.retry import with_connection
from pipeline.clients.postgres.sql import load
from pipeline.domain.graph import Graph
from pipeline.settings import DatabaseSettings

_TOPICS: Final = load(__package__, "graph_topics")


def wrong_topic(database: DatabaseSettings, graph: Graph, topic: str) -> str | None:
    """Return what is wrong with a topic, and which one is meant; None if nothing is.

    A graph notes the topic of its subscription at its start. Names are compared without their
    projects, which have a name and a number each.

    Args:
        database: with the login of an operator.
        graph: that is to read the events.
        topic: ``projects/P/topics/T``.

    Raises:
        ConfigurationError: this user may not replay.
        TransientError: the database does not answer.
    """
    rows = with_connection(database, lambda connection: connection.execute(_TOPICS).fetchall())
    known = dict(rows)
    others = [name for name, read in known.items() if name != graph and _same(read, topic)]
    if graph in known:
        if _same(known[graph], topic):
            return None
        whose = f"; that one is of the graph {others[0]}" if others else ""
        note = _old_note(graph)
        return f"expected {known[graph]}, which the graph {graph} reads{whose}{note}"
    if others:
        return (
            f"expected the topic that the graph {graph} reads; that one is of {others[0]}"
            f"{_old_note(others[0])}"
        )
    return None


def _old_note(graph: str) -> str:
    """Return what to do if the note is of the time before the graph moved."""
    statement = f"DELETE FROM fanout.graph_topics WHERE graph = '{graph}'"  # noqa: S608 - a text
    return (
        f". On Dataflow a graph notes no topic: if {graph} has moved there, and reads another one"
        f" since, run as the owner: {statement}"
    )


def _same(one: str, other: str) -> bool:
    return one.rpartition("/")[2] == other.rpartition("/")[2]
