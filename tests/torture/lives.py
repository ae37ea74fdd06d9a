"""Lives of the pipeline: each starts within milliseconds and can end in any way.

The standard library's fork server imports Beam and the pipeline once, opens nothing and starts no
thread. Each life is a fork of it. The server and all lives end with the process that started it.
"""

import multiprocessing
import os
import random
import signal
import time
from contextlib import suppress
from multiprocessing import forkserver
from multiprocessing.context import ForkServerProcess
from multiprocessing.sharedctypes import RawValue
from typing import Any, Final, Self

import pytest

from tests.deadline import wait_until
from tests.streams import ROOT
from tests.torture import variants, worker
from tests.torture.worker import Place, State, Variant

CONTEXT: Final = multiprocessing.get_context("forkserver")
START_SECONDS: Final = 60.0
# By name, since it imports this module.
JOB_WORKER: Final = "tests.torture.job_worker"


def start_fork_server() -> None:
    """Start the process that lives are forked from, if it does not run yet."""
    CONTEXT.set_forkserver_preload([worker.__name__, variants.__name__, JOB_WORKER])
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("PYTHONPATH", str(ROOT))
        forkserver.ensure_running()


class Life:
    """The stream in its own process, from its start until it is killed, stops or fails."""

    def __init__(self, place: Place, *variants: Variant) -> None:
        start_fork_server()
        self._place = place
        self._state: Any = RawValue(State)
        self._process: ForkServerProcess = CONTEXT.Process(
            target=worker.stream, args=(place, self._state, variants), daemon=True
        )
        self._process.start()

    @property
    def has_started(self) -> bool:
        """Whether it has begun to look for messages, and so handles signals."""
        return bool(self._state.looks)

    @property
    def has_pulled(self) -> bool:
        """Whether it has read any messages."""
        return bool(self._state.pulls)

    @property
    def has_work_in_hand(self) -> bool:
        """Whether it has pulled messages that it has not acknowledged."""
        return bool(self._state.held)

    @property
    def is_running(self) -> bool:
        """Whether it has not ended."""
        return self._process.is_alive()

    @property
    def log(self) -> str:
        """The warnings and errors of this life and of the others at its place."""
        return self._place.log.read_text() if self._place.log.exists() else ""

    def wait_for_work(self) -> None:
        """Return when it has read messages or has ended."""
        wait_until(
            lambda: self.has_pulled or not self.is_running,
            seconds=START_SECONDS,
            what="the pipeline reads",
        )

    def wait_for_death(self) -> None:
        """Return when it has killed itself."""
        self._process.join(START_SECONDS)
        assert self._process.exitcode == -signal.SIGKILL, self.log

    def kill(self) -> bool:
        """Send SIGKILL, which it can't handle; return whether it had work in hand."""
        # Stopped first, so that the answer is about the instant of its death.
        self._signal(signal.SIGSTOP)
        held = self.has_work_in_hand
        self._process.kill()
        self._process.join()
        return held

    def kill_at_work(self) -> None:
        """Kill it at a random instant at which it has work in hand; something must feed it."""
        deadline = time.monotonic() + START_SECONDS
        while self.is_running:
            time.sleep(any_instant(within_seconds=0.05))
            self._signal(signal.SIGSTOP)
            if self.has_work_in_hand:
                break
            self._signal(signal.SIGCONT)
            assert time.monotonic() < deadline, "it never had work in hand"
        assert self.kill(), self.log

    def _signal(self, number: signal.Signals) -> None:
        if self.is_running and self._process.pid is not None:
            with suppress(ProcessLookupError):
                os.kill(self._process.pid, number)

    def stop(self) -> None:
        """Let it write and acknowledge its messages, then end it."""
        # Before it looks for messages, a signal would kill it without that.
        wait_until(
            lambda: self.has_started or not self.is_running,
            seconds=START_SECONDS,
            what="the pipeline starts",
        )
        self._process.terminate()
        self._process.join(START_SECONDS)
        assert self._process.exitcode == 0, f"it ended with {self._process.exitcode}\n{self.log}"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.join()


def catch_up(place: Place) -> None:
    """Run ``catch-up`` once, in a process of its own."""
    start_fork_server()
    process = CONTEXT.Process(target=worker.complete, args=(place,), daemon=True)
    process.start()
    process.join(START_SECONDS)
    process.kill()
    assert process.exitcode == 0, place.log.read_text()


def any_instant(within_seconds: float) -> float:
    """Return a random instant within a span of time."""
    return random.uniform(0, within_seconds)  # noqa: S311 - chance, not secrecy
