"""Graphs that are built and looked at, but not run; and small ones that are."""

from collections.abc import Callable, Iterable
from typing import Any, Final

import apache_beam as beam
from apache_beam.options.pipeline_options import PipelineOptions
from apache_beam.portability.api import beam_runner_api_pb2 as api
from apache_beam.runners.portability.fn_api_runner import FnApiRunner

from pipeline.fanout.decide import Policy
from pipeline.fanout.handlers import HANDLERS
from pipeline.settings import DatabaseSettings, PubSubSettings
from pipeline.sources.pull import PullFromPubSub
from pipeline.topology.ends import Preview, Store
from pipeline.topology.fanout import Source, Topology

NOWHERE: Final = DatabaseSettings(dsn="postgresql://nobody@nowhere/none")


def new_pipeline() -> beam.Pipeline:
    """A pipeline for the runner of one machine, with no options but the defaults."""
    return beam.Pipeline(runner=FnApiRunner(), options=PipelineOptions(flags=[]))


def stream_graph(*, dry_run: bool = False, source: Source | None = None) -> api.Pipeline:
    """The stream of every registered handler, as the runner gets it."""
    pipeline = new_pipeline()
    topology = Topology(
        database=NOWHERE,
        handlers=HANDLERS,
        policy=Policy(),
        ends=Preview() if dry_run else Store(NOWHERE, "projects/p/topics/dead-letters"),
    )
    settings = PubSubSettings(subscription="projects/p/subscriptions/s")
    topology.build(pipeline, source or PullFromPubSub(settings))
    return pipeline.to_runner_api()


def steps(graph: api.Pipeline) -> dict[str, str]:
    """The kind (URN) of every step that holds no other, by its full label."""
    return {
        transform.unique_name: transform.spec.urn
        for transform in graph.components.transforms.values()
        if not transform.subtransforms and transform.outputs != transform.inputs
    }


def run(
    elements: Iterable[Any],
    build: Callable[[beam.PCollection[Any]], None],
    of: Any = None,  # noqa: ANN401 - a type hint has no type
) -> None:
    """Run what ``build`` adds to these elements, of a type that they do not say themselves."""
    pipeline = new_pipeline()
    given = beam.Create(list(elements), reshuffle=False)
    build(pipeline | "Elements" >> (given.with_output_types(of) if of else given))
    pipeline.run().wait_until_finish()
