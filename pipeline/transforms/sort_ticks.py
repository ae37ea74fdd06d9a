"""SortTicks: batches of messages in; ticks out, with one output for each job."""

from collections.abc import Iterable, Mapping
from typing import Any

import apache_beam as beam
from apache_beam.pvalue import TaggedOutput

from pipeline import coders  # noqa: F401 - registers the coders
from pipeline.domain.dead_letter import DeadLetter
from pipeline.domain.wake_up import WakeUp
from pipeline.jobs.job import Job
from pipeline.jobs.tick import Tick
from pipeline.steps.ticks import sort_ticks
from pipeline.transforms.fetch import OnStart
from pipeline.transforms.outputs import DEAD, Outputs


class SortTicks(beam.PTransform[beam.PCollection[list[WakeUp]], Outputs]):
    """Send the ticks of every job to the output that is named after it.

    Args:
        jobs: the jobs by name.
        on_start: called in every process that runs the step, before its first batch.
    """

    def __init__(self, jobs: Mapping[str, Job], on_start: OnStart | None = None) -> None:
        super().__init__()
        self._jobs = dict(jobs)
        self._on_start = on_start

    def expand(self, batches: beam.PCollection[list[WakeUp]]) -> Outputs:
        """Add one step. The output ``DEAD`` has the dead letters of messages that are not ticks."""
        types: dict[str, Any] = dict.fromkeys(self._jobs, list[Tick])
        types[DEAD] = list[DeadLetter]
        # Beam requires a type for the main output, which this step does not use.
        tag = beam.ParDo(_Sort(self._jobs, self._on_start)).with_output_types(list[Tick], **types)
        return batches | "Tag" >> tag.with_outputs(*types)


class _Sort(beam.DoFn):
    def __init__(self, jobs: Mapping[str, Job], on_start: OnStart | None) -> None:
        self._jobs = jobs
        self._on_start = on_start

    def setup(self) -> None:
        if self._on_start is not None:
            self._on_start()

    def process(self, batch: list[WakeUp]) -> Iterable[Any]:
        found = sort_ticks((each.message for each in batch if each.message), self._jobs)
        if found.letters:
            yield TaggedOutput(DEAD, list(found.letters))
        for job, ticks in found.ticks.items():
            yield TaggedOutput(job, list(ticks))
