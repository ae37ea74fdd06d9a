"""The ticker of one machine: publishes a tick of each job at each instant of its schedule."""

import logging
import random
import threading
from collections import deque
from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Final

from pipeline.domain.backoff import Backoff
from pipeline.domain.clock import Clock, utc_now
from pipeline.domain.errors import TransientError
from pipeline.domain.message import Message
from pipeline.jobs.job import Job
from pipeline.jobs.message import tick_message

# The longest wait: after so long we notice that the clock of the machine has jumped.
LOOK_SECONDS: Final = 5.0
# How many instants of a job are remembered: more than three days of one that runs every 5 minutes.
REMEMBERED: Final = 1_000
BACKOFF: Final = Backoff(first=0.5, longest=30.0, at_least=0.5)
STOP_SECONDS: Final = 1.0

Publish = Callable[[Iterable[Message]], None]
# A job, and the instant of its schedule.
DueTick = tuple[Job, datetime]

_log: Final = logging.getLogger(__name__)


class TickTimes:
    """Which ticks are due by now. An instant comes once, whatever the clock does.

    At the start the last instant of each job is due, because nobody may have published it. Of the
    instants that the clock jumps over, only the last is due. After the clock was put back, only
    instants that were not due before are.

    Args:
        jobs: the jobs.
    """

    def __init__(self, jobs: Iterable[Job]) -> None:
        self._done: dict[str, deque[datetime]] = {}
        self._jobs = tuple(jobs)
        for job in self._jobs:
            self._done[job.name] = deque(maxlen=REMEMBERED)

    def due(self, now: datetime) -> list[DueTick]:
        """Return the ticks that are due, each with its instant."""
        last = ((job, job.schedule.last(now)) for job in self._jobs)
        return [(job, instant) for job, instant in last if instant not in self._done[job.name]]

    def done(self, ticks: Iterable[DueTick]) -> None:
        """Note that these ticks were published."""
        for job, instant in ticks:
            self._done[job.name].append(instant)

    def seconds_to_next(self, now: datetime) -> float:
        """Return the seconds until the next instant of any job."""
        return min((job.schedule.next(now) - now).total_seconds() for job in self._jobs)


class Ticker:
    """Publishes ticks in a thread, until it is stopped. While Pub/Sub is away, it tries again.

    Args:
        jobs: the jobs.
        publish: publishes messages to the topic of the ticks.
        fail: called after an error that no later try can repair; ``stop`` raises the error.
        clock: returns the time.
    """

    def __init__(
        self,
        jobs: Iterable[Job],
        publish: Publish,
        fail: Callable[[], None],
        clock: Clock = utc_now,
    ) -> None:
        self._times = TickTimes(jobs)
        self._publish = publish
        self._fail = fail
        self._clock = clock
        self._stopping = threading.Event()
        self._failure: Exception | None = None
        self._thread = threading.Thread(target=self._run, name="ticker", daemon=True)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def stop(self) -> None:
        """End the thread. A message that is being published is not waited for.

        Raises:
            Exception: what ended the thread.
        """
        self._stopping.set()
        self._thread.join(STOP_SECONDS)
        if self._failure is not None:
            raise self._failure

    def _run(self) -> None:
        pauses = BACKOFF.pauses(random.uniform)
        while not self._stopping.is_set():
            try:
                pause = self.tick()
                pauses = BACKOFF.pauses(random.uniform)
            except TransientError as error:
                pause = next(pauses)
                _log.warning("%s; publishing the ticks again in %.1f s", error, pause)
            except Exception as error:  # noqa: BLE001 - it ends the process, not only this thread
                self._failure = error
                self._fail()
                return
            self._stopping.wait(pause)

    def tick(self) -> float:
        """Publish what is due; return the seconds to wait before the next call.

        Raises:
            TransientError: Pub/Sub cannot be reached; what was due still is.
            ConfigurationError: the topic is missing, or we have no access to it.
        """
        due = self._times.due(self._clock())
        if due:
            self._publish(tick_message(job.name, instant) for job, instant in due)
            self._times.done(due)
        return min(self._times.seconds_to_next(self._clock()), LOOK_SECONDS)
