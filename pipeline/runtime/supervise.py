"""Run several graphs on one machine: each is a process of its own, and is started again."""

import logging
import random
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from typing import Final

from pipeline.domain.backoff import Backoff, Restarts
from pipeline.domain.graph import Graph
from pipeline.runtime.signals import stopped_by_signals

BACKOFF: Final = Backoff(first=1.0, longest=30.0, at_least=0.5)
# How long a process may take to write what it has read. After that it is killed.
STOP_SECONDS: Final = 10.0
LOOK_SECONDS: Final = 0.1

_log: Final = logging.getLogger(__name__)


def supervise(arguments: Mapping[Graph, Sequence[str]]) -> None:
    """Run ``python -m pipeline`` once for each graph, until SIGINT or SIGTERM.

    A process that ends is started again, with growing pauses; the other graphs go on. A stop ends
    all of them. Each also stops by itself if this process is killed: see ``supervised``.

    Args:
        arguments: the arguments of each graph's process.
    """
    stopping: list[bool] = []
    children = [_Child(graph, given) for graph, given in arguments.items()]
    with stopped_by_signals(lambda: stopping.append(True)):
        try:
            while not stopping:
                for child in children:
                    child.look()
                time.sleep(LOOK_SECONDS)
        finally:
            for child in children:
                child.ask_to_stop()
            deadline = time.monotonic() + STOP_SECONDS
            for child in children:
                child.end(deadline)


class _Child:
    """The process of one graph."""

    def __init__(self, graph: Graph, arguments: Sequence[str]) -> None:
        self._graph = graph
        self._command = [sys.executable, "-m", "pipeline", *arguments]
        self._process: subprocess.Popen[bytes] | None = None
        self._started = 0.0
        self._start_at = 0.0
        self._restarts = Restarts(BACKOFF, random.uniform)

    def look(self) -> None:
        """Start it if it does not run and its pause is over."""
        now = time.monotonic()
        if self._process is not None:
            status = self._process.poll()
            if status is None:
                return
            self._forget()
            pause = self._restarts.pause_after(now - self._started)
            self._start_at = now + pause
            _log.error(
                "the graph %s ended with status %d; starting it again in %.1f s",
                self._graph, status, pause,
            )  # fmt: skip
        if now >= self._start_at:
            self._started = now
            # A session of its own: Ctrl-C reaches only this process, which then asks each once.
            # We write nothing to the pipe: its end tells the process that we have ended.
            self._process = subprocess.Popen(  # noqa: S603 - our own program
                self._command, stdin=subprocess.PIPE, start_new_session=True
            )
            _log.info("the graph %s runs as process %d", self._graph, self._process.pid)

    def _forget(self) -> None:
        """Close the pipe to a process that has ended."""
        if self._process is not None and self._process.stdin is not None:
            self._process.stdin.close()
        self._process = None

    def ask_to_stop(self) -> None:
        """Send SIGTERM if it runs."""
        if self._process is not None:
            self._process.terminate()

    def end(self, deadline: float) -> None:
        """Wait until it has ended. Kill it at the deadline."""
        if self._process is None:
            return
        try:
            self._process.wait(max(0.0, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            _log.warning("the graph %s did not stop in time; killing it", self._graph)
            self._process.kill()
            self._process.wait()
        self._forget()
