"""Each arrow of each graph has one element type, and Beam knows it."""

from collections.abc import Callable, Iterator
from typing import Any, Final

import apache_beam as beam
import pytest
from apache_beam.pipeline import AppliedPTransform, PipelineVisitor
from apache_beam.typehints import typehints

from pipeline.jobs.table import JOBS
from pipeline.sources.collect import Batching
from pipeline.sources.native import ReadFromPubSub
from pipeline.sources.native_due import ReadDue
from pipeline.sources.native_ticks import ReadTicks
from pipeline.sources.read_unfinished import ReadUnfinished
from pipeline.sources.unfinished import Selection
from tests.transforms.graphs import NOWHERE, jobs, mail, new_pipeline, push, reactions, stream

NATIVE: Final = "projects/my-project/subscriptions/events"
# The steps inside Beam's PeriodicImpulse.
BEAMS: Final = ("ReadDeliveries/Clock/", "ReadEvents/Clock/")
# Each graph, over each source that it has.
GRAPHS: Final[dict[str, Callable[[], beam.Pipeline]]] = {
    "the stream": stream,
    "the stream, dry run": lambda: stream(dry_run=True),
    "the stream on Dataflow": lambda: stream(source=ReadFromPubSub(NATIVE, None, Batching())),
    "catch-up": lambda: stream(source=ReadUnfinished(NOWHERE, Selection(), bool)),
    "jobs": jobs,
    "jobs, dry run": lambda: jobs(dry_run=True),
    "jobs on Dataflow": lambda: jobs(source=ReadTicks(NATIVE, list(JOBS))),
    "mail": mail,
    "mail, dry run": lambda: mail(dry_run=True),
    "mail on Dataflow": lambda: mail(source=ReadDue(NATIVE)),
    "push": push,
    "push, dry run": lambda: push(dry_run=True),
    "push on Dataflow": lambda: push(source=ReadDue(NATIVE)),
    "reactions": reactions,
    "reactions, dry run": lambda: reactions(dry_run=True),
    "reactions on Dataflow": lambda: reactions(source=ReadDue(NATIVE)),
}


class _Arrows(PipelineVisitor):
    def __init__(self) -> None:
        self.types: dict[str, Any] = {}

    def visit_transform(self, transform_node: AppliedPTransform) -> None:
        for name, output in transform_node.outputs.items():
            self.types[f"{transform_node.full_label} {name or ''}".rstrip()] = output.element_type


def untyped(pipeline: beam.Pipeline) -> Iterator[str]:
    """Return the arrows whose elements may be anything, or one of several types."""
    arrows = _Arrows()
    pipeline.visit(arrows)
    assert arrows.types
    for label, of in arrows.types.items():
        if label.startswith(BEAMS):
            continue
        if "Any" in str(of) or "Union" in str(of) or isinstance(of, typehints.AnyTypeConstraint):
            yield label


@pytest.mark.parametrize("graph", GRAPHS.values(), ids=GRAPHS)
def test_each_arrow_has_one_element_type(graph: Callable[[], beam.Pipeline]) -> None:
    assert list(untyped(graph())) == []


@pytest.mark.parametrize("of", [Any, int | str])
def test_control_an_arrow_without_one_type_is_found(of: Any) -> None:  # noqa: ANN401 - a type hint has no type
    pipeline = new_pipeline()
    _ = pipeline | beam.Create([1]) | "Anything" >> beam.Map(abs).with_output_types(of)

    assert list(untyped(pipeline)) == ["Anything"]
