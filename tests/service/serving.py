"""The service as a process of its own, on a free port."""

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import httpx2

from tests.deadline import wait_until
from tests.programs import Program

START_SECONDS: Final = 60.0
_LISTENING: Final = re.compile(r"listening on (http://\S+)")


@dataclass(frozen=True, slots=True)
class Served:
    """A running service.

    Attributes:
        process: the process of ``serve``.
        client: asks it.
        log: its standard error.
    """

    process: Program
    client: httpx2.Client
    log: Path


@contextmanager
def serving(dsn: str, log: Path, *flags: str, **variables: str) -> Iterator[Served]:
    """Serve from a database until the block ends, with more variables in the environment."""
    started = ("pipeline", "serve", "--port", "0", *flags)
    with running(log, *started, DATABASE_URL=dsn, **variables) as served:
        yield served


@contextmanager
def running(log: Path, module: str, *arguments: str, **variables: str) -> Iterator[Served]:
    """Run a program that serves, until the block ends."""
    environment = os.environ | variables
    with (
        log.open("ab") as errors,
        Program(module, *arguments, environment=environment, stderr=errors) as process,
    ):
        wait_until(
            lambda: _LISTENING.search(log.read_text()) or process.poll() is not None,
            seconds=START_SECONDS,
            what="the service listens",
        )
        listening = _LISTENING.search(log.read_text())
        assert listening, log.read_text()
        with httpx2.Client(base_url=listening[1], timeout=30) as client:
            yield Served(process, client, log)
