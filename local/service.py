"""The HTTP service as a child process."""

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from local import processes, topics
from local.errors import StartFailed
from local.service_token import local_token

_PART: Final = "Service"
_ROOT: Final = Path(__file__).parents[1]
_HOST: Final = "127.0.0.1"
_START_SECONDS: Final = 60.0
_STOP_SECONDS: Final = 12.0
_POLL_SECONDS: Final = 0.05
_LISTENING: Final = re.compile(rb"listening on http://[^\s:]+:(\d+)")


class Service:
    """`python -m pipeline serve` on loopback, over an embedded stack.

    The first start chooses the port. The object keeps it, so that clients can go on.

    Args:
        data_dir: For the token and the log, to which every start appends; created if missing.
        port: The port to listen on; 0 takes a free one.
    """

    def __init__(self, data_dir: Path, *, port: int = 0) -> None:
        self._data_dir = data_dir
        self._port = port
        self._token = ""
        self._environment: Mapping[str, str] = {}
        self._process: subprocess.Popen[bytes] | None = None
        self._log_start = 0

    def begin(self, environment: Mapping[str, str]) -> None:
        """Start the process.

        Args:
            environment: OPERATOR_DATABASE_URL and VIEWER_DATABASE_URL of a migrated database that
                runs, and PUBSUB_EMULATOR_HOST.
        """
        self._data_dir.mkdir(parents=True, exist_ok=True)
        operator = environment["OPERATOR_DATABASE_URL"]
        self._environment = {"DATABASE_URL": operator, **environment}
        if not self._token:
            self._token = local_token(self._data_dir / "token", operator)
        with self.log_path.open("ab") as log:
            self._log_start = log.tell()
            self._process = processes.spawn(
                [
                    *(sys.executable, "-m", "pipeline", "serve"),
                    *("--host", _HOST, "--port", str(self._port)),
                    *("--topic", topics.topic_path(topics.EVENTS)),
                    *("--reaction-topic", topics.topic_path(topics.REACTION_EVENTS)),
                ],
                folder=_ROOT,
                environment=os.environ | self._environment,
                output=log,
            )

    def wait(self) -> None:
        """Return once it listens.

        Raises:
            StartFailed: It ended before.
        """
        deadline = time.monotonic() + _START_SECONDS
        while (listening := _LISTENING.search(self._written())) is None:
            if not self.is_running or time.monotonic() > deadline:
                reason = self.last_words or "it does not listen"
                self.stop()
                raise StartFailed(_PART, reason, self.log_path)
            time.sleep(_POLL_SECONDS)
        self._port = int(listening[1])

    def start(self) -> None:
        """Start it again, as it was begun before.

        Raises:
            StartFailed: It ended before it listened.
        """
        self.begin(self._environment)
        self.wait()

    def stop(self) -> None:
        """Let it answer the requests that have begun; harmless if it is not running."""
        process, self._process = self._process, None
        if process is not None:
            processes.end(process, signal.SIGTERM, timeout=_STOP_SECONDS)

    def variables(self) -> dict[str, str]:
        """Return the variables that a client needs, after `wait`."""
        return {"SERVICE_URL": f"http://{_HOST}:{self._port}", "FANOUT_TOKEN": self._token}

    @property
    def pid(self) -> int:
        """The process id; 0 if it is not running."""
        return self._process.pid if self._process else 0

    @property
    def is_running(self) -> bool:
        """Whether it was started and has not ended."""
        return self._process is not None and self._process.poll() is None

    @property
    def log_path(self) -> Path:
        """The file with its standard error."""
        return self._data_dir / "service.log"

    @property
    def last_words(self) -> str:
        """Why it ended by itself, in one line; empty if this run's log does not say."""
        status = self._process.poll() if self._process is not None else None
        if status is not None and status < 0:
            return f"killed by signal {-status}"
        lines = self._written().decode(errors="replace").strip().splitlines()
        return lines[-1] if lines else ""

    def _written(self) -> bytes:
        with self.log_path.open("rb") as log:
            log.seek(self._log_start)
            return log.read()
