"""The one-machine runner changes Beam; a pipeline must not notice the changes."""

import gc
from collections.abc import Iterator
from typing import Any

import apache_beam as beam
import pytest
from apache_beam.coders import VarIntCoder
from apache_beam.metrics import Metrics, monitoring_infos
from apache_beam.options.pipeline_options import PipelineOptions, StandardOptions, TypeOptions
from apache_beam.runners.portability.fn_api_runner import FnApiRunner, fn_runner
from apache_beam.runners.worker.bundle_processor import BundleProcessor
from apache_beam.transforms import userstate
from apache_beam.transforms.core import CallableWrapperDoFn
from apache_beam.transforms.userstate import ReadModifyWriteStateSpec

from pipeline.runtime.runner import (
    _beams_infos,
    _beams_specs,
    freeze_loaded_objects,
    local_pipeline,
)


def test_a_view_of_the_options_is_made_once() -> None:
    options = local_pipeline()._options  # noqa: SLF001 - Beam shows them nowhere else
    assert options.view_as(TypeOptions) is options.view_as(TypeOptions)


def test_views_share_their_values() -> None:
    options = local_pipeline()._options  # noqa: SLF001
    before = options.view_as(StandardOptions)
    options.view_as(StandardOptions).streaming = True
    assert before.streaming is True
    assert options.get_all_options()["streaming"] is True


def test_the_options_are_those_of_beam() -> None:
    ours = local_pipeline()._options.get_all_options()  # noqa: SLF001
    plain = beam.Pipeline(runner=FnApiRunner(), options=PipelineOptions(flags=[]))
    assert ours == plain._options.get_all_options()  # noqa: SLF001


class Counting(beam.DoFn):
    """Has a state, which Beam finds."""

    STATE = ReadModifyWriteStateSpec("count", VarIntCoder())

    def process(self, element: tuple[str, int], count: Any = beam.DoFn.StateParam(STATE)) -> None:  # noqa: ANN401, B008
        count.write((count.read() or 0) + element[1])


class Plain(beam.DoFn):
    def process(self, element: int) -> None:
        pass

    def another(self, element: int, count: Any = beam.DoFn.StateParam(Counting.STATE)) -> None:  # noqa: ANN401, B008
        pass


def test_the_states_of_a_step_are_those_that_beam_finds() -> None:
    beams = _beams_specs
    local_pipeline()
    kinds: tuple[Any, ...] = (Counting, Plain)
    counting, plain = (kind() for kind in kinds)
    wrapped = [CallableWrapperDoFn(fn) for fn in (len, plain.process, plain.another)]
    steps = [counting, plain, *wrapped]
    expected = [beams(step) for step in steps]
    # Once to look for it, once to store it.
    assert [userstate.get_dofn_specs(step) for step in steps] == expected
    assert [userstate.get_dofn_specs(step) for step in steps] == expected
    assert expected[0] == ({Counting.STATE}, set())
    assert expected[-2] != expected[-1]


@pytest.fixture
def thawed() -> Iterator[None]:
    """Let the collector look at all objects before and afterwards."""
    gc.unfreeze()
    yield
    gc.unfreeze()


@pytest.mark.usefixtures("thawed")
def test_what_is_loaded_is_spared_by_the_collector_and_what_comes_later_is_not() -> None:
    assert gc.get_freeze_count() == 0
    freeze_loaded_objects()
    # Beam alone creates nearly two hundred thousand objects.
    assert gc.get_freeze_count() > 100_000
    ring: list[object] = []
    ring.append(ring)
    del ring
    assert gc.collect() > 0


@pytest.mark.parametrize(("describes", "counters"), [(False, 0), (True, 1)])
def test_no_bundle_describes_the_metrics_of_its_steps(
    monkeypatch: pytest.MonkeyPatch,
    describes: bool,  # noqa: FBT001
    counters: int,
) -> None:
    pipeline = local_pipeline()
    # What a bundle says reaches the result, so that it can be seen.
    monkeypatch.setattr(fn_runner, "consolidate_monitoring_infos", monitoring_infos.consolidate)
    if describes:
        monkeypatch.setattr(BundleProcessor, "monitoring_infos", _beams_infos)
    seen = Metrics.counter("test", "seen")

    def count(number: int) -> int:
        seen.inc()
        return number

    _ = pipeline | beam.Create([1], reshuffle=False) | beam.Map(count)
    result: Any = pipeline.run()
    result.wait_until_finish()
    assert len(result.metrics().query()["counters"]) == counters
