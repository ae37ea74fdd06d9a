"""The whole graph of the scheduled jobs on one screen: a tick, its job, the ledger of runs."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, ClassVar

import apache_beam as beam
from psycopg import Connection

from pipeline.clients.pubsub.publish import publish
from pipeline.clients.pubsub.subscription import Subscription
from pipeline.domain.dead_letter import DeadLetter
from pipeline.domain.graph import Graph
from pipeline.jobs.job import Job
from pipeline.jobs.table import JOBS
from pipeline.settings import DatabaseSettings
from pipeline.sinks.dead_letters import write_dead_letters
from pipeline.steps.run_due import InThreads, RunDue, run_now, threads_named
from pipeline.steps.run_job import JobRunner
from pipeline.steps.runners import RUNNERS, Runners
from pipeline.steps.ticker import Ticker
from pipeline.topology.ends import Preview, Retries, Source, Store
from pipeline.transforms.outputs import DEAD
from pipeline.transforms.run_job import PreviewJob, RunJob
from pipeline.transforms.sort_ticks import SortTicks


@dataclass(frozen=True, slots=True, kw_only=True)
class JobsTopology:
    """The graph from ticks to runs. It is the same for every source.

    Attributes:
        database: the database of the ledger, and of what the jobs read and write.
        ends: ``Store`` runs the jobs; ``Preview`` prints what they would do, for a dry run.
        jobs: the jobs by name; each gets a branch.
        runners: what does which type of work.
        tick_topic: on one machine, the topic to which this process publishes the ticks. None:
            something else publishes them.
        threads: the name of the process's threads that run the jobs. None: a run is done in the
            bundle of its tick.
    """

    database: DatabaseSettings
    ends: Store | Preview
    jobs: Mapping[str, Job] = field(default_factory=lambda: JOBS)
    runners: Runners = field(default_factory=lambda: RUNNERS)
    tick_topic: str | None = None
    threads: str | None = None

    graph: ClassVar = Graph.JOBS
    due_every: ClassVar[float | None] = None

    def build(
        self,
        pipeline: beam.Pipeline,
        source: Source,
        retries: Retries | None = None,  # noqa: ARG002 - a tick that fails is delivered again
    ) -> None:
        """Add every step to a pipeline.

        Args:
            pipeline: the pipeline.
            source: produces batches of ticks.
            retries: not used: what has to be retried is in the ledger of runs.
        """
        read = pipeline | "ReadTicks" >> source
        ticks = read | "Sort" >> SortTicks(self.jobs, self.ends.on_start(self.graph))
        for name, job in self.jobs.items():
            _ = ticks[name] | name >> self._work(job)
        _ = ticks[DEAD] | "BuryUnsorted" >> self.ends.bury(_mark_nothing)()

    def on_one_machine(self, subscription: str) -> "JobsTopology":
        """Return the graph as it runs on one machine: each job in a thread of this process."""
        return self if self.ends.is_dry_run else replace(self, threads=subscription)

    @contextmanager
    def beside(self, subscription: Subscription) -> Iterator[None]:
        """Run the threads of the jobs, and the ticker, until the block ends.

        Args:
            subscription: it is stopped after an error that no later try can repair. When it
                stops, each run ends after its page.
        """
        if self.threads is None:
            yield
            return
        threads = threads_named(self.threads)
        runner = replace(self._runner, stopping=lambda: subscription.stopping or threads.stopping)
        threads.start(runner, self.jobs, subscription.stop)
        ticker = None
        if self.tick_topic is not None:
            ticker = Ticker(
                self.jobs.values(), partial(publish, self.tick_topic), subscription.stop
            )
            ticker.start()
        try:
            yield
        finally:
            if ticker is not None:
                ticker.stop()
            threads.stop()

    @property
    def _runner(self) -> JobRunner:
        topic = self.ends.dead_letter_topic
        bury = partial(write_dead_letters, self.database, topic)
        return JobRunner(settings=self.database, bury=bury, runners=self.runners)

    def _work(self, job: Job) -> RunJob | PreviewJob:
        if self.ends.is_dry_run:
            return PreviewJob(self._runner, job)
        run_due: RunDue = run_now if self.threads is None else InThreads(self.threads)
        return RunJob(self._runner, job, run_due)


def _mark_nothing(connection: Connection[Any], letters: Sequence[DeadLetter]) -> None:
    """Do nothing: a message that is not a tick has no row in the ledger of runs."""
