"""Run the demo: start all parts, insert events, watch progress, show the results, stop."""

import shutil
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import psycopg
from google.pubsub_v1.types import PubsubMessage
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from local import topics
from local.demo.results import Results, count_pending, read_emitted, read_jobs, read_results
from local.demo.screen import show, show_ready
from local.demo.worker import Worker
from local.errors import StackError
from local.stack import Stack
from pipeline.domain.graph import Graph
from pipeline.domain.units import counted
from pipeline.jobs.meeting_reminders import MEETING_REMINDERS
from pipeline.jobs.message import tick_message
from pipeline.jobs.unread_thread_nudges import UNREAD_THREAD_NUDGES
from pipeline.ops.seed import seed_due, seed_events, seed_people

TIMEOUT_SECONDS: Final = 60.0
_POLL_SECONDS: Final = 0.02
_PACE_SECONDS: Final = 0.05
_JOBS: Final = (MEETING_REMINDERS.name, UNREAD_THREAD_NUDGES.name)


class EventsMissing(StackError):
    """Some events did not arrive in time."""

    def __init__(self, missing: int, events: int, logs: Path) -> None:
        super().__init__(
            f"{missing:,} of {counted(events, 'event')} did not arrive within"
            f" {TIMEOUT_SECONDS:.0f} s (logs: {logs})"
        )


def run_demo(data_dir: Path, console: Console) -> None:
    """Send the sample events through the real parts and show what everyone received.

    Every part is real: Postgres stores the rows, Debezium captures them and publishes them to
    Pub/Sub, and the pipeline processes them in its own process.

    Args:
        data_dir: for the data and the logs; emptied first, and kept if the demo fails.
        console: shows the results.

    Raises:
        StackError: a part did not start or stopped, or events did not arrive.
    """
    console.print("[bold]Sample events through Postgres, Debezium, Pub/Sub and the pipeline[/]\n")
    stack = Stack(data_dir, report=lambda line: show_ready(console, line))
    stack.remove()
    with console.status("starting"), stack:
        environment = stack.environment()
        started = time.monotonic()
        workers = (
            Worker(data_dir / "pipeline.log", environment),
            Worker(data_dir / "jobs.log", environment, graph=Graph.JOBS),
        )
        with _running(workers):
            show_ready(console, f"Pipeline: ready after {time.monotonic() - started:.1f} s")
            results = _stream(environment, workers, data_dir, console)
    show(console, results)
    shutil.rmtree(data_dir, ignore_errors=True)
    stack.remove()


@contextmanager
def _running(workers: Sequence[Worker]) -> Iterator[None]:
    """Start all of them, then wait for each: a start takes seconds, and they share no core."""
    try:
        for worker in workers:
            worker.begin()
        for worker in workers:
            worker.wait()
        yield
    finally:
        for worker in workers:
            worker.stop()


def _tick(environment: Mapping[str, str]) -> None:
    """Publish a tick of each job that the sample is for, as Cloud Scheduler does."""
    with topics.clients(environment["PUBSUB_EMULATOR_HOST"]) as (publisher, _):
        ticks = [PubsubMessage(attributes=dict(tick_message(job).attributes)) for job in _JOBS]
        publisher.publish(topic=environment["TICK_TOPIC"], messages=ticks)


def _stream(
    environment: Mapping[str, str], workers: Sequence[Worker], logs: Path, console: Console
) -> Results:
    database_url = environment["DATABASE_URL"]
    seed_people(database_url)
    seed_due(database_url)
    _tick(environment)
    columns = (TextColumn("  {task.description}"), BarColumn(30), MofNCompleteColumn())
    console.print()
    with (
        psycopg.connect(database_url, autocommit=True) as connection,
        Progress(*columns, console=console) as progress,
    ):
        task = progress.add_task("events written and processed", total=None)
        events: list[int] = []
        for event in seed_events(database_url):
            events.append(event)
            done = len(events) - count_pending(connection, events)
            progress.update(task, total=len(events), completed=done)
            # The rate of a busy application: the latencies are then those of single events.
            time.sleep(_PACE_SECONDS)
        deadline = time.monotonic() + TIMEOUT_SECONDS
        while True:
            events += read_emitted(connection, events)
            pending = count_pending(connection, events)
            if not pending and len(read_jobs(connection)) == len(_JOBS):
                break
            progress.update(task, total=len(events), completed=len(events) - pending)
            for worker in workers:
                worker.check()
            if time.monotonic() > deadline:
                raise EventsMissing(pending, len(events), logs)
            time.sleep(_POLL_SECONDS)
        progress.update(task, total=len(events), completed=len(events))
        return read_results(connection, events)
