"""Runs our programs as processes that skip the time of their imports.

``python -m pipeline`` spends most of its start on importing Beam. The standard library's fork
server imports it once, opens nothing and starts no thread of ours. Each program is a fork of it
and runs as ``__main__`` with its own arguments, environment and outputs. Variables that the
interpreter itself reads, such as PYTHONPATH, have no effect. Tests of the start use real starts:
tests/test_interrupt.py, test_command_line.py, test_output.py, tests/e2e.
"""

import multiprocessing
import os
import runpy
import subprocess
import sys
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from multiprocessing import forkserver
from multiprocessing.connection import Connection
from pathlib import Path
from signal import Signals
from typing import IO, Final, Self

import pytest

ROOT: Final = Path(__file__).parents[1]
# There is one fork server, so its first user also imports the modules for tests/torture's lives.
_IMPORTED: Final = (
    "pipeline.runtime.catch_up",
    "pipeline.ops.dead_letters",
    "pipeline.ops.replay.plan",
    "pipeline.ops.replay.publication",
    "pipeline.runtime.stream",
    "tests.torture.variants",
    "tests.torture.worker",
)
_CONTEXT: Final = multiprocessing.get_context("forkserver")
_OUTPUTS: Final = (1, 2)

File = IO[str] | IO[bytes]


class Program:
    """``python -m MODULE ARGUMENTS``, used like ``subprocess.Popen``.

    Attributes:
        stdout: its standard output, unless that goes to a file.
        stderr: its standard error, unless that goes to a file.
    """

    def __init__(
        self,
        module: str,
        *arguments: str,
        environment: Mapping[str, str],
        stdout: File | None = None,
        stderr: File | None = None,
    ) -> None:
        self.stdout, out = _output(stdout)
        self.stderr, err = _output(stderr)
        self._started = (module, *arguments)
        self._process = _CONTEXT.Process(
            target=_run, args=(self._started, dict(environment), (out, err)), daemon=True
        )
        with out, err:
            _start_fork_server()
            self._process.start()

    @property
    def returncode(self) -> int | None:
        """Its exit status, or the negative number of the ending signal; None while it runs."""
        return self._process.exitcode

    def poll(self) -> int | None:
        """Return the same as ``returncode``."""
        return self.returncode

    def wait(self, timeout: float) -> int:
        """Wait until it has ended and return its exit status; fail after ``timeout``."""
        self._process.join(timeout)
        if self.returncode is None:
            raise subprocess.TimeoutExpired(self._started, timeout)
        return self.returncode

    def communicate(self, timeout: float) -> tuple[str, str]:
        """Return all its output once it has ended; after ``timeout``, kill it and fail."""
        with ThreadPoolExecutor(len(_OUTPUTS)) as readers:
            outputs = readers.map(_read, (self.stdout, self.stderr))
            try:
                self.wait(timeout)
            except subprocess.TimeoutExpired:
                self.kill()
                raise
            out, err = outputs
        return out, err

    def completed(self, timeout: float) -> subprocess.CompletedProcess[str]:
        """Return its exit status and all its output."""
        out, err = self.communicate(timeout)
        assert self.returncode is not None
        return subprocess.CompletedProcess(self._started, self.returncode, out, err)

    @property
    def pid(self) -> int:
        """The number of its process."""
        assert self._process.pid is not None
        return self._process.pid

    def send_signal(self, number: Signals) -> None:
        """Send it a signal, unless it has ended."""
        if self.poll() is None and self._process.pid is not None:
            with suppress(ProcessLookupError):
                os.kill(self._process.pid, number)

    def kill(self) -> None:
        """Send SIGKILL, which it can't handle."""
        self._process.kill()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()
        self._process.join()
        for output in (self.stdout, self.stderr):
            if output is not None:
                output.close()


def _output(file: File | None) -> tuple[IO[str] | None, Connection]:
    """Return the end to read an output from, if any, and the end for the program."""
    if file is not None:
        return None, Connection(os.dup(file.fileno()), readable=False)
    ours, theirs = os.pipe()
    return os.fdopen(ours), Connection(theirs, readable=False)


def _read(output: IO[str] | None) -> str:
    if output is None:
        return ""
    with output:
        return output.read()


def _start_fork_server() -> None:
    _CONTEXT.set_forkserver_preload(list(_IMPORTED))
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("PYTHONPATH", str(ROOT))
        forkserver.ensure_running()


def _run(
    started: Sequence[str], environment: Mapping[str, str], outputs: Sequence[Connection]
) -> None:
    """Run the program in the process that was forked for it."""
    for descriptor, output in zip(_OUTPUTS, outputs, strict=True):
        os.dup2(output.fileno(), descriptor)
        output.close()
    # Defaults of a new interpreter, whatever the fork server has set.
    sys.stdout = open(1, "w", closefd=False)  # noqa: SIM115 - a descriptor, for good
    sys.stderr = open(2, "w", buffering=1, errors="backslashreplace", closefd=False)  # noqa: SIM115
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(ROOT)
    module, *arguments = started
    sys.argv = [module, *arguments]
    runpy.run_module(module, run_name="__main__", alter_sys=True)
