"""The runner on one machine: Beam's FnApiRunner, made fit to run for months."""

import gc
from collections.abc import Iterable
from types import MethodType
from typing import Any, Final, TypeVar
from weakref import WeakKeyDictionary

import apache_beam as beam
from apache_beam.options.pipeline_options import PipelineOptions
from apache_beam.runners.portability.fn_api_runner import FnApiRunner, fn_runner
from apache_beam.transforms import userstate

Specs = tuple[set[userstate.StateSpec], set[userstate.TimerSpec]]
OptionsT = TypeVar("OptionsT", bound=PipelineOptions)

_CONSOLIDATE: Final = "consolidate_monitoring_infos"
_GET_SPECS: Final = "get_dofn_specs"
_beams_specs: Final = userstate.get_dofn_specs
_known: Final[WeakKeyDictionary[type, dict[object, Specs]]] = WeakKeyDictionary()


def spare_collector() -> None:
    """Keep the garbage collector from looking at all that is loaded by now, again and again.

    For a process that is to run a pipeline, once: what Beam has loaded is two hundred thousand
    objects, and each batch gives reason to look for what is left over among them. Without that,
    ``catch-up`` does a fifth more events a second; what a batch leaves is found as before.
    """
    gc.collect()
    gc.freeze()
    gc.enable()


def local_pipeline() -> beam.Pipeline:
    """A pipeline that runs in this process, with constant memory; what it counts is forgotten.

    Beam 2.77 merges the metrics of each bundle into those of the bundles before it by a generator
    that nobody reads while the pipeline runs: each holds on to the one before and to its bundle's
    metrics, 370 KB for fourteen event types. Counts are read from the ledger here, never from this
    runner, so they can be let go.
    """
    # Fails loudly where a later Beam has it no longer.
    getattr(fn_runner, _CONSOLIDATE)
    setattr(fn_runner, _CONSOLIDATE, _forget)
    setattr(userstate, _GET_SPECS, _specs)
    return beam.Pipeline(runner=FnApiRunner(), options=_Options(flags=[]))


class _Options(PipelineOptions):
    """Options that make each view of themselves once.

    Beam 2.77 asks for one at every step, and builds a parser of arguments each time: a third of
    what it costs to build and start the graph of fourteen event types.
    """

    def view_as(self, cls: type[OptionsT]) -> OptionsT:
        """The same view each time; all of them share their values in any case."""
        views: dict[type[PipelineOptions], Any] = self.__dict__.setdefault("_views", {})
        if cls not in views:
            views[cls] = super().view_as(cls)
        view: OptionsT = views[cls]
        return view


def _specs(dofn: beam.DoFn) -> Specs:
    """The states and timers of a step, looked for once for all steps of a kind.

    Beam 2.77 asks eight times for each step, and looks at the signature of every method each time:
    half of the calls that it takes to build and start the graph of fourteen event types.
    """
    # All methods are of the class, but those that an instance was given.
    own = {name: each for name, each in vars(dofn).items() if isinstance(each, MethodType)}
    given = frozenset((name, each.__func__) for name, each in own.items())
    of_class = _known.setdefault(type(dofn), {})
    if given not in of_class:
        of_class[given] = _beams_specs(dofn)
    states, timers = of_class[given]
    return set(states), set(timers)


def _forget(metrics: Iterable[Any]) -> list[Any]:  # noqa: ARG001 - the signature of what it replaces
    return []
