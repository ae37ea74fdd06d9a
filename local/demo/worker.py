"""The pipeline as a child process, as on a one-machine installation."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Final, Self

from local import processes
from local.errors import PartStopped, StartFailed
from pipeline.domain.graph import Graph

_PART: Final = "Pipeline"
_ROOT: Final = Path(__file__).parents[2]
_START_SECONDS: Final = 60.0
_STOP_SECONDS: Final = 10.0
# The variables with the subscription and the database of each graph.
_OF_GRAPH: Final = {
    Graph.FANOUT: ("SUBSCRIPTION", "WRITER_DATABASE_URL"),
    Graph.JOBS: ("JOBS_SUBSCRIPTION", "JOBS_DATABASE_URL"),
    Graph.MAIL: ("MAIL_SUBSCRIPTION", "SENDER_DATABASE_URL"),
    Graph.PUSH: ("PUSH_SUBSCRIPTION", "PUSH_DATABASE_URL"),
    Graph.REACTIONS: ("REACTIONS_SUBSCRIPTION", "REACTIONS_DATABASE_URL"),
}


class Worker:
    """``python -m pipeline run`` over an embedded stack.

    Args:
        log_path: the file for its standard error.
        environment: the environment variables of a started stack.
        checkout: the folder whose pipeline is run.
        graph: which graph is run.
    """

    def __init__(
        self,
        log_path: Path,
        environment: dict[str, str],
        checkout: Path = _ROOT,
        graph: Graph = Graph.FANOUT,
    ) -> None:
        self._log_path = log_path
        self._stack = environment
        self._checkout = checkout
        self._graph = graph
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Return once the pipeline reads the subscription.

        Raises:
            StartFailed: the pipeline ended, or did not start in time.
        """
        self.begin()
        self.wait()

    def begin(self) -> None:
        """Start the process."""
        # The role with the fewest rights that are enough for the work, as in production.
        subscription, database = _OF_GRAPH[self._graph]
        # The fan-out is the default, also in an earlier checkout that a benchmark runs.
        named = () if self._graph is Graph.FANOUT else ("--graph", self._graph)
        command = [
            sys.executable, "-m", "pipeline", "run", *named,
            "--subscription", self._stack[subscription],
            "--dead-letter-topic", self._stack["DEAD_LETTER_TOPIC"],
        ]  # fmt: skip
        variables = self._stack | {"DATABASE_URL": self._stack[database]}
        with self._log_path.open("wb") as log:
            self._process = processes.spawn(
                command, folder=self._checkout, environment=os.environ | variables, output=log
            )

    def wait(self) -> None:
        """Return once the pipeline reads the subscription.

        Raises:
            StartFailed: the pipeline ended, or did not start in time.
        """
        deadline = time.monotonic() + _START_SECONDS
        while b" reading " not in self._log_path.read_bytes():
            if (
                self._process is None
                or self._process.poll() is not None
                or time.monotonic() > deadline
            ):
                lines = self._log_path.read_text(errors="replace").splitlines()
                raise StartFailed(_PART, lines[-1] if lines else "", self._log_path)
            time.sleep(0.05)

    @property
    def pid(self) -> int:
        """The process id; 0 if the process was not started."""
        return self._process.pid if self._process else 0

    def check(self) -> None:
        """Check that the pipeline runs.

        Raises:
            PartStopped: the pipeline ended by itself.
        """
        if self._process is None or self._process.poll() is not None:
            raise PartStopped(_PART, self._log_path)

    def stop(self) -> None:
        """Let the pipeline finish its work, then end it; harmless if it is not running."""
        if self._process is not None:
            processes.end(self._process, signal.SIGTERM, timeout=_STOP_SECONDS)

    def __enter__(self) -> Self:
        try:
            self.start()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
