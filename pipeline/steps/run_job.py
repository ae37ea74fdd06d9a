"""Runs scheduled jobs: from a tick to a run that is done, retried or dead."""

import logging
import random
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import PurePath
from typing import Any, Final

from psycopg import Connection

from pipeline.domain.backoff import Backoff, Draw, RetryRule
from pipeline.domain.dead_letter import MAX_REASON_CHARACTERS, DeadLetter
from pipeline.domain.errors import Conflict, FanoutError, RejectedByDatabase, TransientError
from pipeline.domain.lease import Cause, Settlement, WorkState, end, fail, give_back
from pipeline.facts.switches import read_switches
from pipeline.jobs.job import Counts, Input, Job, Page
from pipeline.jobs.tick import Tick
from pipeline.settings import DatabaseSettings
from pipeline.steps.job_runs import (
    JobRun,
    LeaseLost,
    check_applies,
    does_apply,
    record_by_hand,
    record_tick,
    round_at,
    settle_held,
    settle_run,
    store_progress,
    take_run,
    withdraw_run,
)
from pipeline.steps.runners import RUNNERS, Runners, pages_of

STAGE: Final = "run_job"
RETRY: Final = RetryRule(backoff=Backoff(first=60, longest=3_600, at_least=0.5), retries=3)

_log: Final = logging.getLogger(__name__)

# Writes dead letters, and calls the function in their transaction.
Bury = Callable[
    [Sequence[DeadLetter], Callable[[Connection[Any], Sequence[DeadLetter]], None]], None
]


def _never() -> bool:
    return False


class JobIsBusy(Conflict):
    """The job is running or paused. The text says what to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunEnded:
    """The result of one try of a run.

    Attributes:
        run: the run, with the counts of the finished pages.
        state: the new state of the run. ``WAITING`` if it will be retried.
        error: the error, if the try failed.
        reason: the error as text, without values of rows.
    """

    run: JobRun
    state: WorkState
    error: Exception | None = None
    reason: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class JobRunner:
    """Runs the jobs of a database.

    Attributes:
        settings: the database.
        bury: writes dead letters.
        runners: the function for each type of work.
        draw: draws the jitter of the pauses.
        stopping: whether runs must end after the page that is being written.
    """

    settings: DatabaseSettings
    bury: Bury
    runners: Runners = field(default_factory=lambda: RUNNERS)
    draw: Draw = random.uniform
    stopping: Callable[[], bool] = _never

    def record(self, job: Job, ticks: Sequence[Tick]) -> None:
        """Record the runs of ticks; none if the job does not apply to this database.

        Raises:
            TransientError: the ledger is not available now. The tick must be delivered again.
            ConfigurationError: the ledger cannot be used.
        """
        if not ticks:
            return
        if not does_apply(self.settings, job):
            _log.info("%s does not run: the family %s is not installed", job.name, job.needs.family)
            return
        for tick in ticks:
            record_tick(self.settings, tick)

    def do_round(self, job: Job) -> Counts | None:
        """Do what is due now, without a run in the ledger.

        Returns:
            The counts; None if the job is paused, or does not apply to this database.

        Raises:
            Exception: the work has failed. The next run of the job fails too, and is retried.
        """
        now = round_at(self.settings, job)
        if now is None:
            return None
        done = Counts()
        for page in pages_of(self.settings, job, Input(now=now), self.runners):
            done += page.counts
            if self.stopping():
                break
        return done

    def run_due(self, job: Job) -> Iterator[RunEnded]:
        """Run every due run of a job, one after the other. Nothing while another worker runs it.

        Raises:
            TransientError: see ``record``.
            ConfigurationError: see ``record``.
        """
        while (
            not self.stopping()
            and (run := take_run(self.settings, job.name, job.lease)) is not None
        ):
            try:
                yield self._run(job, run)
            except LeaseLost:
                _log.warning("%s: another worker has taken the run over", run.record.id)

    def run_by_hand(
        self, job: Job, *, now: datetime | None, changed: Mapping[str, Any]
    ) -> RunEnded:
        """Run a job now. A failure is not retried.

        Args:
            job: the job.
            now: the time that counts as now. None: the time of the server.
            changed: parameters of the job with other values for this run.

        Raises:
            UsageError: the database lacks what the job needs.
            JobIsBusy: the job is running or paused.
            TransientError: see ``record``.
            ConfigurationError: see ``record``.
        """
        check_applies(self.settings, job)
        if job.name in read_switches(self.settings):
            raise JobIsBusy(f"{job.name} is paused: python -m pipeline resume {job.name}")
        scheduled_for = record_by_hand(self.settings, job.name, now, changed)
        run = take_run(self.settings, job.name, job.lease, scheduled_for=scheduled_for)
        if run is None:
            withdraw_run(
                self.settings, job.name, scheduled_for, "another run of the job was going on"
            )
            raise JobIsBusy(f"{job.name} is running: wait for its end, see python -m pipeline jobs")
        try:
            return self._run(job, run)
        except LeaseLost:
            raise JobIsBusy(f"another worker has taken over the run of {job.name}") from None
        except KeyboardInterrupt:
            cause = Cause(reason="stopped by hand")
            settle_run(self.settings, end(run.lease, WorkState.CANCELLED, cause))
            raise

    def preview(self, job: Job, *, now: datetime, changed: Mapping[str, Any]) -> Iterator[Page]:
        """Return the pages of a dry run. It writes nothing, not even to the ledger."""
        check_applies(self.settings, job)
        given = Input(now=now, dry_run=True, changed=changed)
        return pages_of(self.settings, job, given, self.runners)

    def _run(self, job: Job, run: JobRun) -> RunEnded:
        given = Input(now=run.as_of, after=run.cursor, changed=run.changed)
        try:
            for page in pages_of(self.settings, job, given, self.runners):
                run = run.after(page)
                store_progress(self.settings, run, job.lease)
                if page.cursor is not None and self.stopping():
                    return self._stopped(run)
        except LeaseLost:
            raise
        except Exception as error:  # noqa: BLE001 - any error of a job is a failed try
            return self._failed(run, error)
        settle_run(self.settings, end(run.lease, WorkState.DONE))
        return RunEnded(run=run, state=WorkState.DONE)

    def _stopped(self, run: JobRun) -> RunEnded:
        """Give a run back, so that another worker may take it at once."""
        cause = Cause(reason="its worker was stopped")
        settle_run(self.settings, give_back(run.lease, cause, pause=0))
        return RunEnded(run=run, state=WorkState.WAITING)

    def _failed(self, run: JobRun, error: Exception) -> RunEnded:
        cause, failures = _cause(error), run.lease.failures
        if isinstance(error, TransientError) and not run.by_hand:
            # The job is not the cause, so the run never becomes dead.
            pause = RETRY.backoff.pause(run.lease.number - 1, self.draw)
            settlement = give_back(run.lease, cause, pause=pause)
        else:
            retry = None if run.by_hand else RETRY.pause(failures, self.draw)
            if retry is None:
                return self._dead(run, error, cause)
            settlement = fail(run.lease, cause, pause=retry)
        settle_run(self.settings, settlement)
        _log.warning("%s: %s; trying again", run.record.id, cause.reason)
        return RunEnded(run=run, state=settlement.state, error=error, reason=cause.reason)

    def _dead(self, run: JobRun, error: Exception, cause: Cause) -> RunEnded:
        settlement = end(run.lease, WorkState.DEAD, cause)
        if run.by_hand:
            # The person sees the error at once, so there is no dead letter.
            settle_run(self.settings, settlement)
        else:
            self.bury([_letter(run, cause)], _marks(settlement))
            _log.error("%s is dead: %s", run.record.id, cause.reason)
        return RunEnded(run=run, state=WorkState.DEAD, error=error, reason=cause.reason)


def _marks(settlement: Settlement) -> Callable[[Connection[Any], Sequence[DeadLetter]], None]:
    def mark(connection: Connection[Any], letters: Sequence[DeadLetter]) -> None:  # noqa: ARG001
        settle_held(connection, settlement)

    return mark


def _letter(run: JobRun, cause: Cause) -> DeadLetter:
    return DeadLetter(
        record=run.record,
        event_type=run.job,
        stage=STAGE,
        error_class=cause.error_class or "",
        reason=cause.reason,
    )


def _cause(error: Exception) -> Cause:
    """Describe an error. The text of an error that is not ours may quote values: leave it out."""
    name = type(error).__name__
    if isinstance(error, FanoutError):
        code = error.sqlstate if isinstance(error, RejectedByDatabase) else None
        return Cause(error_class=name, code=code, reason=str(error)[:MAX_REASON_CHARACTERS])
    frame = traceback.extract_tb(error.__traceback__)[-1]
    place = f"{PurePath(frame.filename).name}:{frame.lineno}"
    return Cause(error_class=name, reason=f"the job raised {name} at {place}")
