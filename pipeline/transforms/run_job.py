"""RunJob: ticks of a job in; its run in the ledger, done now or soon; no output."""

import sys
from collections.abc import Iterable
from typing import Final

import apache_beam as beam
import orjson
from apache_beam.metrics import Metrics

from pipeline import coders  # noqa: F401 - registers the coders
from pipeline.domain.lease import WorkState
from pipeline.jobs.job import Job
from pipeline.jobs.tick import Tick
from pipeline.steps.job_runs import does_apply
from pipeline.steps.run_due import RunDue
from pipeline.steps.run_job import JobRunner, RunEnded

NAMESPACE: Final = "jobs"

Ticks = beam.PCollection[list[Tick]]
Nothing = beam.PCollection[None]


class RunJob(beam.PTransform[Ticks, Nothing]):
    """Record the runs that ticks ask for, then the due runs of the job.

    Args:
        runner: runs jobs.
        job: whose ticks these are.
        run_due: at once, or in a thread of the process.
    """

    def __init__(self, runner: JobRunner, job: Job, run_due: RunDue) -> None:
        super().__init__()
        self._fn = _Run(runner, job, run_due)

    def expand(self, ticks: Ticks) -> Nothing:
        """Add one step."""
        return ticks | "Run" >> beam.ParDo(self._fn).with_output_types(type(None))


class PreviewJob(beam.PTransform[Ticks, Nothing]):
    """Print what the runs that ticks ask for would do, one JSON object a line.

    Args:
        runner: runs jobs.
        job: whose ticks these are.
    """

    def __init__(self, runner: JobRunner, job: Job) -> None:
        super().__init__()
        self._fn = _Preview(runner, job)

    def expand(self, ticks: Ticks) -> Nothing:
        """Add one step."""
        return ticks | "Print" >> beam.ParDo(self._fn).with_output_types(type(None))


class _Run(beam.DoFn):
    def __init__(self, runner: JobRunner, job: Job, run_due: RunDue) -> None:
        self._runner = runner
        self._job = job
        self._run_due = run_due

    def process(self, ticks: list[Tick]) -> None:
        # All of them first: of late ticks only the last one is run.
        self._runner.record(self._job, ticks)
        _count(self._run_due(self._runner, self._job))


class _Preview(beam.DoFn):
    def __init__(self, runner: JobRunner, job: Job) -> None:
        self._runner = runner
        self._job = job

    def process(self, ticks: list[Tick]) -> None:
        if not ticks or not does_apply(self._runner.settings, self._job):
            return
        last = max(tick.scheduled_for for tick in ticks)
        named = {"job": self._job.name, "scheduled_for": last}
        for page in self._runner.preview(self._job, now=last, changed={}):
            for each in page.preview:
                _print({**named, "would_emit": each})
            _print({**named, "scanned": page.counts.scanned, "due": page.counts.due})


def _count(runs: Iterable[RunEnded]) -> None:
    for each in runs:
        Metrics.counter(NAMESPACE, f"runs_{each.state.value}").inc()
        if each.state is WorkState.DONE:
            Metrics.counter(NAMESPACE, "emitted").inc(each.run.counts.emitted)


def _print(row: dict[str, object]) -> None:
    sys.stdout.write(orjson.dumps(row, default=str).decode() + "\n")
    sys.stdout.flush()
