"""Properties of the graph that make a message be acknowledged only after its rows are written."""

import logging
from typing import Final

import apache_beam as beam
import pytest
from apache_beam.portability.api import beam_runner_api_pb2 as api
from apache_beam.portability.common_urns import primitives, sdf_components
from apache_beam.runners.portability.fn_api_runner import FnApiRunner
from apache_beam.typehints.decorators import TypeCheckError

from pipeline.domain.wake_up import WakeUp
from tests.builders import message
from tests.transforms.graphs import steps, stream_graph

ALLOWED: Final = {primitives.IMPULSE.urn, primitives.PAR_DO.urn}
PULLING: Final = sdf_components.PROCESS_SIZED_ELEMENTS_AND_RESTRICTIONS.urn


@pytest.fixture(scope="module")
def graph() -> api.Pipeline:
    """Build the graph of the stream."""
    return stream_graph()


def forbidden(graph: api.Pipeline) -> set[str]:
    """Return labels of steps that end a stage: Flatten, GroupByKey, Reshuffle, state, timers."""
    payloads = {
        transform.unique_name: api.ParDoPayload.FromString(transform.spec.payload)
        for transform in graph.components.transforms.values()
        if transform.spec.urn == primitives.PAR_DO.urn
    }
    stateful = {
        label
        for label, payload in payloads.items()
        if payload.state_specs or payload.timer_family_specs
    }
    return stateful | {label for label, urn in steps(graph).items() if urn not in ALLOWED}


def test_no_step_of_the_stream_ends_the_stage(graph: api.Pipeline) -> None:
    assert forbidden(graph) == set()
    assert list(steps(graph).values()).count(primitives.IMPULSE.urn) == 1


def test_no_step_of_a_dry_run_ends_the_stage() -> None:
    assert forbidden(stream_graph(dry_run=True)) == set()


def test_control_a_reshuffle_would_be_noticed() -> None:
    graph = stream_graph(source=beam.Create([[WakeUp.of(message())]] * 2, reshuffle=True))
    assert any("GroupByKey" in label for label in forbidden(graph))


def test_all_that_follows_the_pull_is_one_fused_stage(graph: api.Pipeline) -> None:
    _, stages = FnApiRunner().create_stages(graph)
    (hot,) = (
        {step.unique_name for step in stage.transforms}
        for stage in stages
        if any(step.spec.urn == PULLING for step in stage.transforms)
    )
    source = {label for label in steps(graph) if label.startswith("ReadEvents/")}
    assert source
    assert set(steps(graph)) - source <= hot


def test_building_the_graph_logs_no_warning(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        stream_graph()
    assert caplog.messages == []


@pytest.mark.parametrize("element", [1, WakeUp(None)], ids=["number", "single wake-up"])
def test_a_source_of_anything_but_batches_of_wake_ups_is_refused(element: object) -> None:
    with pytest.raises(TypeCheckError, match=r"pipeline\.domain\.wake_up\.WakeUp"):
        stream_graph(source=beam.Create([element], reshuffle=False))
