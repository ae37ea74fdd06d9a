"""Builds the graph for a command that processes events, from its arguments."""

import argparse
from dataclasses import replace

from pipeline.commands.command import given
from pipeline.domain.graph import Graph
from pipeline.options import DEAD_LETTER_TOPIC, ParameterValues, Taker
from pipeline.topology.ends import Preview, Store
from pipeline.topology.fanout import Topology
from pipeline.topology.graphs import GRAPHS, AnyTopology, fanout


def topology_of(graph: Graph, options: argparse.Namespace) -> AnyTopology:
    """Return the graph that ``run`` runs, with the settings of the arguments."""
    values = given(options, Taker.RUN)
    topology = GRAPHS[graph](values, options.database, _ends(options, values))
    if topology.graph is Graph.FANOUT:
        return topology
    # The fan-out does without these modules, which take time to import.
    from pipeline.steps.runners import runners_with
    from pipeline.topology.jobs import JobsTopology

    if isinstance(topology, JobsTopology):
        return replace(topology, runners=runners_with(options.calendar))
    return topology


def fanout_of(options: argparse.Namespace) -> Topology:
    """Return the graph that ``catch-up`` runs, with the settings of the arguments."""
    values = given(options, Taker.CATCH_UP)
    return fanout(values, options.database, _ends(options, values))


def _ends(options: argparse.Namespace, values: ParameterValues) -> Store | Preview:
    topic = values.get(DEAD_LETTER_TOPIC)
    return Preview(topic) if options.dry_run else Store(options.database, topic)
