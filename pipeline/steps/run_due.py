"""Two ways to run the due runs of a job: at once, or in a thread of this process."""

import logging
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache, partial
from typing import Final

from pipeline.domain.errors import FanoutError, TransientError
from pipeline.domain.lease import WorkState
from pipeline.jobs.job import Job
from pipeline.steps.job_runs import jobs_to_do
from pipeline.steps.run_job import JobRunner, RunEnded

# How often the ledger is searched for runs that waited, were resumed, or lost their worker.
LOOK_SECONDS: Final = 10.0
# After a round that failed. The next run of its job fails too, and says why.
FAILED_ROUND_SECONDS: Final = 60.0
# How long a stop waits for the pages that are being written.
STOP_SECONDS: Final = 5.0

# Runs the due runs of a job, and returns those that have ended.
RunDue = Callable[[JobRunner, Job], list[RunEnded]]

_log: Final = logging.getLogger(__name__)


def run_now(runner: JobRunner, job: Job) -> list[RunEnded]:
    """Run the due runs of a job, and return when all have ended."""
    ended = []
    started = time.monotonic()
    for each in runner.run_due(job):
        ended.append(each)
        _say(each, time.monotonic() - started)
        started = time.monotonic()
    return ended


@dataclass(frozen=True, slots=True)
class InThreads:
    """Leave the due runs to the thread of the job in this process.

    The run is in the ledger already, so its message may be acknowledged at once. No run holds up
    the ticks of other jobs.
    """

    name: str

    def __call__(self, runner: JobRunner, job: Job) -> list[RunEnded]:  # noqa: ARG002
        """Wake the thread of the job."""
        threads_named(self.name).wake(job.name)
        return []


class JobThreads:
    """Runs the due runs of each job in its own thread.

    A tick wakes the thread of its job. Besides, the ledger is searched every ``look_seconds`` for
    runs that waited, were resumed, or lost their worker. A job with rounds has a second thread, so
    that what is due does not wait for a tick. Thread-safe.
    """

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._due: set[str] = set()
        self._threads: list[threading.Thread] = []
        self._stopping = threading.Event()
        self._failure: BaseException | None = None
        self._fail: Callable[[], None] = lambda: None

    @property
    def stopping(self) -> bool:
        """Whether runs must end after the page that is being written."""
        return self._stopping.is_set()

    def start(
        self,
        runner: JobRunner,
        jobs: Mapping[str, Job],
        fail: Callable[[], None],
        look_seconds: float = LOOK_SECONDS,
    ) -> None:
        """Start a thread for each job, and one that looks.

        Args:
            runner: runs the jobs.
            jobs: the jobs by name.
            fail: called after an error that no later try can repair; ``stop`` raises the error.
            look_seconds: the pause between two looks.
        """
        self._fail = fail
        work = {name: partial(self._run, runner, job) for name, job in jobs.items()}
        for name, job in jobs.items():
            if job.round_every is not None:
                work[f"rounds of {name}"] = partial(self._go_round, runner, job, job.round_every)
        work["look for due runs"] = partial(self._look, runner, look_seconds)
        for name, target in work.items():
            thread = threading.Thread(target=target, name=name, daemon=True)
            self._threads.append(thread)
            thread.start()

    def wake(self, job: str) -> None:
        """Let the thread of a job look for due runs now."""
        with self._changed:
            self._due.add(job)
            self._changed.notify_all()

    def stop(self) -> None:
        """Let each run end after its page, and wait for that, though not for long.

        Raises:
            Exception: what ended one of the threads.
        """
        self._stopping.set()
        with self._changed:
            self._changed.notify_all()
        deadline = time.monotonic() + STOP_SECONDS
        for thread in self._threads:
            thread.join(max(0.0, deadline - time.monotonic()))
        if self._failure is not None:
            raise self._failure

    def _run(self, runner: JobRunner, job: Job) -> None:
        while self._is_due(job.name):
            try:
                run_now(runner, job)
            except TransientError as error:
                _log.warning("%s: %s; looking again in %.0f s", job.name, error, LOOK_SECONDS)
            except Exception as error:  # noqa: BLE001 - it ends the process, not only this thread
                self._give_up(error)
                return

    def _is_due(self, job: str) -> bool:
        """Wait until the job is due; return False at a stop."""
        with self._changed:
            self._changed.wait_for(lambda: job in self._due or self.stopping)
            self._due.discard(job)
        return not self.stopping

    def _look(self, runner: JobRunner, seconds: float) -> None:
        while not self.stopping:
            try:
                for job in jobs_to_do(runner.settings):
                    self.wake(job)
            except TransientError as error:
                _log.warning("%s; looking for due runs again in %.0f s", error, seconds)
            except Exception as error:  # noqa: BLE001 - as in _run
                self._give_up(error)
                return
            self._stopping.wait(seconds)

    def _go_round(self, runner: JobRunner, job: Job, seconds: float) -> None:
        while not self.stopping:
            pause = seconds
            try:
                if runner.do_round(job) is None:
                    pause = LOOK_SECONDS
            except Exception as error:  # noqa: BLE001 - a run of the job reports it
                pause = FAILED_ROUND_SECONDS
                if isinstance(error, TransientError):
                    pause = LOOK_SECONDS
                # The text of an error that is not ours may quote values.
                said = str(error) if isinstance(error, FanoutError) else type(error).__name__
                _log.warning("a round of %s failed: %s; the next in %.0f s", job.name, said, pause)
            self._stopping.wait(pause)

    def _give_up(self, error: Exception) -> None:
        self._failure = error
        self._fail()


@cache
def threads_named(name: str) -> JobThreads:  # noqa: ARG001 - the key of the cache
    """Return the one object of the process for the subscription of this name."""
    return JobThreads()


def _say(ended: RunEnded, seconds: float) -> None:
    if ended.state is WorkState.DONE:
        counts = ended.run.counts
        _log.info(
            "%s is done: %d due, %d emitted, %d skipped, %d failed, in %.1f s",
            ended.run.record.id,
            *(counts.due, counts.emitted, counts.skipped, counts.failed),
            seconds,
        )
