"""Starts all parts once: Postgres, Pub/Sub, Debezium and the pipeline."""

from collections.abc import Iterator

import psycopg
import pytest

from local.demo.worker import Worker
from local.pubsub import Emulator
from local.stack import Stack
from pipeline.ops.seed import seed_people
from tests.e2e.installation import Installation


@pytest.fixture(scope="module")
def installation(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    """A running installation with the sample people in it."""
    folder = tmp_path_factory.mktemp("installation")
    emulator = Emulator()
    stack = Stack(folder / "stack", emulator=emulator.start())
    try:
        with stack, Worker(folder / "pipeline.log", stack.environment()) as worker:
            url = stack.environment()["DATABASE_URL"]
            seed_people(url)
            with psycopg.connect(url, autocommit=True) as connection:
                yield Installation(folder, stack, emulator, worker, connection)
    finally:
        stack.remove()
        emulator.stop()
