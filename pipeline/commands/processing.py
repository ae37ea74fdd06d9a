"""Builds the graph for a command that processes events, from its arguments."""

import argparse

from pipeline.commands.command import given
from pipeline.domain.graph import Graph
from pipeline.options import DEAD_LETTER_TOPIC, Taker
from pipeline.topology.ends import Preview, Store
from pipeline.topology.fanout import Topology
from pipeline.topology.graphs import GRAPHS


def topology_of(graph: Graph, options: argparse.Namespace, taker: Taker) -> Topology:
    """Return a graph with the settings of the arguments."""
    values = given(options, taker)
    topic = values.get(DEAD_LETTER_TOPIC)
    ends = Preview(topic) if options.dry_run else Store(options.database, topic)
    return GRAPHS[graph](values, options.database, ends)
