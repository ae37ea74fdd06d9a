"""Run the demo: start all parts, insert events, watch progress, show the results, stop."""

import shutil
import time
from pathlib import Path
from typing import Final

import psycopg
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from local.demo.results import Results, count_pending, read_results
from local.demo.screen import show, show_ready
from local.demo.worker import Worker
from local.errors import StackError
from local.stack import Stack
from pipeline.domain.units import counted
from pipeline.ops.seed import seed_events, seed_people

TIMEOUT_SECONDS: Final = 60.0
_POLL_SECONDS: Final = 0.02
_PACE_SECONDS: Final = 0.05


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
        with Worker(data_dir / "pipeline.log", environment) as worker:
            show_ready(console, f"Pipeline: ready after {time.monotonic() - started:.1f} s")
            results = _stream(environment["DATABASE_URL"], worker, data_dir, console)
    show(console, results)
    shutil.rmtree(data_dir, ignore_errors=True)
    stack.remove()


def _stream(database_url: str, worker: Worker, logs: Path, console: Console) -> Results:
    seed_people(database_url)
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
        while pending := count_pending(connection, events):
            progress.update(task, completed=len(events) - pending)
            worker.check()
            if time.monotonic() > deadline:
                raise EventsMissing(pending, len(events), logs)
            time.sleep(_POLL_SECONDS)
        progress.update(task, completed=len(events))
        return read_results(connection, events)
