"""The runner on one machine: Beam's FnApiRunner, patched so that it can run for months."""

import gc
from collections.abc import Iterable
from types import MethodType
from typing import Any, Final, TypeVar
from weakref import WeakKeyDictionary

import apache_beam as beam
from apache_beam.options.pipeline_options import PipelineOptions
from apache_beam.runners.portability.fn_api_runner import FnApiRunner, fn_runner
from apache_beam.runners.worker.bundle_processor import BundleProcessor
from apache_beam.transforms import userstate

Specs = tuple[set[userstate.StateSpec], set[userstate.TimerSpec]]
OptionsT = TypeVar("OptionsT", bound=PipelineOptions)

_CONSOLIDATE: Final = "consolidate_monitoring_infos"
_DESCRIBE: Final = "monitoring_infos"
_GET_SPECS: Final = "get_dofn_specs"
_beams_specs: Final = userstate.get_dofn_specs
_beams_infos: Final = BundleProcessor.monitoring_infos
_known: Final[WeakKeyDictionary[type, dict[object, Specs]]] = WeakKeyDictionary()


def freeze_loaded_objects() -> None:
    """Exclude the objects that are loaded now from garbage collection.

    Call it once in a process that runs a pipeline. Beam loads two hundred thousand objects, and
    each batch triggers a collection that would examine all of them. Without that ``catch-up``
    processes a fifth more events a second. Garbage of the batches is still collected.
    """
    gc.collect()
    gc.freeze()
    gc.enable()


def local_pipeline() -> beam.Pipeline:
    """Make a pipeline that runs in this process with constant memory. It has no metrics.

    After each bundle, Beam 2.77 describes the metrics of every step, also of those that had nothing
    to do: 9 ms of the 10 that an empty bundle takes with thirty event types. And it merges them
    with those of earlier bundles in a generator. Nothing reads the generator while the pipeline
    runs, so each one keeps the one before and the metrics of its bundle in memory: 370 KB for
    fourteen event types. We read counts from the ledger, never from this runner.
    """
    # Raises an error if a later Beam has no such function.
    getattr(fn_runner, _CONSOLIDATE)
    setattr(fn_runner, _CONSOLIDATE, _forget)
    setattr(BundleProcessor, _DESCRIBE, _describe_nothing)
    setattr(userstate, _GET_SPECS, _specs)
    return beam.Pipeline(runner=FnApiRunner(), options=_Options(flags=[]))


class _Options(PipelineOptions):
    """Options that cache their views.

    Beam 2.77 asks for a view at every step, and builds an argument parser each time: a third of the
    cost of building and starting the graph of fourteen event types.
    """

    def view_as(self, cls: type[OptionsT]) -> OptionsT:
        """Return the cached view. All views share their values anyway."""
        views: dict[type[PipelineOptions], Any] = self.__dict__.setdefault("_views", {})
        if cls not in views:
            views[cls] = super().view_as(cls)
        view: OptionsT = views[cls]
        return view


def _specs(dofn: beam.DoFn) -> Specs:
    """Return the states and timers of a step, cached for each class of steps.

    Beam 2.77 asks eight times for each step, and inspects the signature of every method each time:
    half of the calls of building and starting the graph of fourteen event types.
    """
    # Methods belong to the class, except those that were set on the instance.
    own = {name: each for name, each in vars(dofn).items() if isinstance(each, MethodType)}
    given = frozenset((name, each.__func__) for name, each in own.items())
    of_class = _known.setdefault(type(dofn), {})
    if given not in of_class:
        of_class[given] = _beams_specs(dofn)
    states, timers = of_class[given]
    return set(states), set(timers)


def _forget(metrics: Iterable[Any]) -> list[Any]:  # noqa: ARG001 - the signature of Beam's function
    return []


def _describe_nothing(bundle: BundleProcessor) -> list[Any]:  # noqa: ARG001 - a method of Beam's
    return []
