"""The benchmark's own database, durable as in production, and the processes that use it."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import psycopg
from google.pubsub_v1 import PublisherClient

from bench.world import World
from local import topics
from local.demo.worker import Worker
from local.stack import Stack

ROOT: Final = Path(__file__).parents[1]


@dataclass(frozen=True, slots=True)
class Installation:
    """A started stack and its world."""

    stack: Stack
    world: World
    publisher: PublisherClient
    folder: Path

    def catch_up(self, checkout: Path = ROOT) -> dict[str, Any]:
        """Run a checkout's ``catch-up`` in its own process; return its summary."""
        environment = self.stack.environment()
        output = subprocess.run(
            [sys.executable, "-m", "pipeline", "catch-up"],
            cwd=checkout,
            env=os.environ | {"DATABASE_URL": environment["WRITER_DATABASE_URL"]},
            stdout=subprocess.PIPE,
            check=True,
            text=True,
        ).stdout
        summary: dict[str, Any] = json.loads(output.splitlines()[-1])
        return summary

    def stream(self, checkout: Path = ROOT) -> Worker:
        """Return a checkout's pipeline on the stack, not started yet."""
        return Worker(self.folder / "pipeline.log", self.stack.environment(), checkout)


@contextmanager
def installation(folder: Path) -> Iterator[Installation]:
    """Start everything but the pipeline; Postgres syncs its log to disk as in production."""
    stack = Stack(folder)
    try:
        with (
            stack,
            psycopg.connect(stack.environment()["DATABASE_URL"], autocommit=True) as connection,
            topics.clients(stack.environment()["PUBSUB_EMULATOR_HOST"]) as (publisher, _),
        ):
            world = World(connection)
            world.populate()
            yield Installation(stack, world, publisher, folder)
    finally:
        stack.remove()
