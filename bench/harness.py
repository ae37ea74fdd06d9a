"""Runs Dataflow's worker harness bundle by bundle, to measure the cost of a bundle.

Beam's own harness, ``SdkWorker.process_bundle``, runs the stages of the job's graph as a worker on
Dataflow does, on bundles of a known size. The cost of the runner around it is not included.
"""

import itertools
import time
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

from apache_beam.coders.coder_impl import create_OutputStream
from apache_beam.portability.api import beam_fn_api_pb2 as fn_api
from apache_beam.portability.api import beam_runner_api_pb2 as api
from apache_beam.portability.api import endpoints_pb2
from apache_beam.runners.pipeline_context import PipelineContext
from apache_beam.runners.portability.fn_api_runner import FnApiRunner
from apache_beam.runners.portability.fn_api_runner.worker_handlers import (
    SingletonStateHandlerFactory,
    StateServicer,
)
from apache_beam.runners.worker import bundle_processor, data_plane, sdk_worker, statecache
from apache_beam.transforms.window import GlobalWindows

_DESCRIPTOR: Final = "stage"
_MEMORY: Final = endpoints_pb2.ApiServiceDescriptor(url="memory")
_PORTS: Final = (bundle_processor.DATA_INPUT_URN, bundle_processor.DATA_OUTPUT_URN)


@dataclass(frozen=True, slots=True)
class Cost:
    """The cost of one bundle, in milliseconds: CPU of this process, and wall time."""

    cpu: float
    wall: float


class Stage:
    """One fused stage of a graph, in its own worker harness.

    Args:
        graph: a whole pipeline.
        step: a step of the stage, by its full label.
    """

    def __init__(self, graph: api.Pipeline, step: str) -> None:
        context, stages = FnApiRunner().create_stages(graph)
        (stage,) = (each for each in stages if step in {one.unique_name for one in each.transforms})
        components = context.components
        for transform in stage.transforms:
            if transform.spec.urn not in _PORTS:
                continue
            reads = transform.spec.urn == bundle_processor.DATA_INPUT_URN
            (collection,) = (transform.outputs if reads else transform.inputs).values()
            coder_id = context.data_channel_coders[collection]
            port = fn_api.RemoteGrpcPort(api_service_descriptor=_MEMORY, coder_id=coder_id)
            transform.spec.payload = port.SerializeToString()
            if reads:
                self._input = transform.unique_name
                self._coder = PipelineContext(components).coders[coder_id].get_impl()
        descriptor = fn_api.ProcessBundleDescriptor(
            id=_DESCRIPTOR,
            transforms={one.unique_name: one for one in stage.transforms},
            pcollections=dict(components.pcollections.items()),
            coders=dict(components.coders.items()),
            windowing_strategies=dict(components.windowing_strategies.items()),
            environments=dict(components.environments.items()),
            timer_api_service_descriptor=_MEMORY,
        )
        self._channel = data_plane.InMemoryDataChannel()
        self._worker = sdk_worker.SdkWorker(
            sdk_worker.BundleProcessorCache(
                frozenset(),
                SingletonStateHandlerFactory(
                    sdk_worker.GlobalCachingStateHandler(statecache.StateCache(0), StateServicer())
                ),
                data_plane.InMemoryDataChannelFactory(self._channel.inverse()),
                {_DESCRIPTOR: descriptor},
            )
        )
        self._numbers = itertools.count(1)

    def process(self, elements: Iterable[Any]) -> Cost:
        """Process a bundle of these elements.

        Raises:
            RuntimeError: the bundle failed.
        """
        number = f"bundle {next(self._numbers)}"
        written = create_OutputStream()
        for element in elements:
            self._coder.encode_to_stream(GlobalWindows.windowed_value(element), written, True)  # noqa: FBT003 - Beam's signature
        stream = self._channel.output_stream(number, self._input)
        stream.write(written.get())
        stream.close()
        request = fn_api.InstructionRequest(
            instruction_id=number,
            process_bundle=fn_api.ProcessBundleRequest(process_bundle_descriptor_id=_DESCRIPTOR),
        )
        wall, cpu = time.perf_counter(), time.process_time()
        response = self._worker.do_instruction(request)
        cost = Cost((time.process_time() - cpu) * 1e3, (time.perf_counter() - wall) * 1e3)
        if response.error:
            raise RuntimeError(response.error)
        return cost
