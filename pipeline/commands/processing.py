"""Builds the graph for a command that processes events, from its arguments."""

import argparse
from dataclasses import replace

from pipeline.clients.spans import open_spans
from pipeline.commands.command import given
from pipeline.domain.graph import Graph
from pipeline.options.parameter import ParameterValues, Taker
from pipeline.options.pubsub import DEAD_LETTER_TOPIC
from pipeline.settings.traces import TRACE_VARIABLES, TraceSettings, read_trace_settings
from pipeline.topology.ends import Preview, Store
from pipeline.topology.fanout import Topology
from pipeline.topology.graphs import GRAPHS, AnyTopology, fanout, mail_with, push_with


def topology_of(graph: Graph, options: argparse.Namespace) -> AnyTopology:
    """Return the graph that ``run`` runs, with the settings of the arguments."""
    values = given(options, Taker.RUN)
    if graph is Graph.MAIL:
        # The other graphs do without these modules, which take time to import.
        from pipeline.mail.brand import BRAND_VARIABLES
        from pipeline.settings.mail import MAIL_VARIABLES

        variables: dict[str, str] = options.variables((*MAIL_VARIABLES, *BRAND_VARIABLES))
        return mail_with(variables, options.database, _ends(options, values, graph))
    if graph is Graph.PUSH:
        from pipeline.settings.outgoing_webhooks import OUTGOING_VARIABLES
        from pipeline.settings.push import PUSH_VARIABLES

        push_variables: dict[str, str] = options.variables((*PUSH_VARIABLES, *OUTGOING_VARIABLES))
        return push_with(push_variables, options.database, _ends(options, values, graph))
    topology = GRAPHS[graph](values, options.database, _ends(options, values, graph))
    if topology.graph in {Graph.FANOUT, Graph.REACTIONS}:
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
    return fanout(values, options.database, _ends(options, values, Graph.FANOUT))


def _ends(options: argparse.Namespace, values: ParameterValues, graph: Graph) -> Store | Preview:
    topic = values.get(DEAD_LETTER_TOPIC)
    if options.dry_run:
        return Preview(topic)
    return Store(options.database, topic, traces=_traces(options, graph))


def _traces(options: argparse.Namespace, graph: Graph) -> TraceSettings | None:
    traces = read_trace_settings(options.variables(TRACE_VARIABLES), graph)
    if traces is not None:
        # A variable that the SDK rejects ends the command before it reads an event.
        open_spans(traces)
    return traces
