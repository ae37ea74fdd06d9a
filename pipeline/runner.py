"""The runner on one machine: Beam's FnApiRunner, made fit to run for months."""

from collections.abc import Iterable
from typing import Any, Final

import apache_beam as beam
from apache_beam.options.pipeline_options import PipelineOptions
from apache_beam.runners.portability.fn_api_runner import FnApiRunner, fn_runner

_CONSOLIDATE: Final = "consolidate_monitoring_infos"


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
    return beam.Pipeline(runner=FnApiRunner(), options=PipelineOptions(flags=[]))


def _forget(metrics: Iterable[Any]) -> list[Any]:  # noqa: ARG001 - the signature of what it replaces
    return []
