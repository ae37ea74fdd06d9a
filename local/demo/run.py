"""Run the demo: start all parts, insert events, watch progress, show the results, stop."""

import shutil
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final
from uuid import UUID

import psycopg
from google.pubsub_v1.types import PubsubMessage
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from local import topics
from local.demo.pushes import is_push_on, read_pushes, receiving
from local.demo.reactions import ShownReaction, insert_event, read_reaction
from local.demo.results import (
    Results,
    SentMail,
    count_pending,
    count_unsent,
    first_sent,
    is_mail_on,
    read_emitted,
    read_jobs,
    read_results,
)
from local.demo.screen import show, show_ready
from local.demo.worker import Worker
from local.errors import StackError
from local.provider import LocalResend
from local.push_provider import LocalPush
from local.stack import Stack
from pipeline.domain.graph import Graph
from pipeline.jobs.meeting_reminders import MEETING_REMINDERS
from pipeline.jobs.message import tick_message
from pipeline.jobs.unread_thread_nudges import UNREAD_THREAD_NUDGES
from pipeline.ops.seed import seed_due, seed_events, seed_people

TIMEOUT_SECONDS: Final = 60.0
_POLL_SECONDS: Final = 0.02
_PACE_SECONDS: Final = 0.05
# On the bus, on a phone, held by quiet hours.
_KINDS_OF_PUSH: Final = 3
_JOBS: Final = (MEETING_REMINDERS.name, UNREAD_THREAD_NUDGES.name)


class Overdue(StackError):
    """Something did not happen in time."""

    def __init__(self, what: str, logs: Path) -> None:
        super().__init__(f"{what} within {TIMEOUT_SECONDS:.0f} s (logs: {logs})")


class MailMissing(StackError):
    """The ledger has no mail that was sent, or the provider does not have it."""

    def __init__(self, logs: Path) -> None:
        super().__init__(f"no mail was sent (logs: {logs})")


def run_demo(data_dir: Path, mails: Path, console: Console) -> None:
    """Send the sample events through the real parts and show what everyone received.

    Every part is real: Postgres stores the rows, Debezium captures them and publishes them to
    Pub/Sub, and each graph runs in its own process. Resend, the bus and FCM are
    stand-ins; the mails are kept as files.

    Args:
        data_dir: for the data and the logs; emptied first, and kept if the demo fails.
        mails: for the mails; emptied first, and kept.
        console: shows the results.

    Raises:
        StackError: a part did not start or stopped, or events did not arrive.
    """
    console.print("[bold]Sample events through Postgres, Debezium, Pub/Sub and the pipeline[/]\n")
    resend, push = LocalResend(mails), LocalPush(data_dir / "pushes")
    stack = Stack(data_dir, report=lambda line: show_ready(console, line), resend=resend, push=push)
    stack.remove()
    shutil.rmtree(mails, ignore_errors=True)
    with console.status("starting"), stack:
        environment = stack.environment()
        started = time.monotonic()
        workers = tuple(
            Worker(data_dir / f"{graph}.log", environment, graph=graph) for graph in Graph
        )
        with _running(workers):
            show_ready(console, f"Pipeline: ready after {time.monotonic() - started:.1f} s")
            results = _Stream(environment, workers, resend, push, data_dir).run(console)
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
        with ThreadPoolExecutor(len(workers)) as pool:
            list(pool.map(Worker.stop, workers))


def _tick(environment: Mapping[str, str]) -> None:
    """Publish a tick of each job that the sample is for, as Cloud Scheduler does."""
    with topics.clients(environment["PUBSUB_EMULATOR_HOST"]) as (publisher, _):
        ticks = [PubsubMessage(attributes=dict(tick_message(job).attributes)) for job in _JOBS]
        publisher.publish(topic=environment["TICK_TOPIC"], messages=ticks)


class _Stream:
    def __init__(
        self,
        environment: Mapping[str, str],
        workers: Sequence[Worker],
        resend: LocalResend,
        push: LocalPush,
        logs: Path,
    ) -> None:
        self._environment = environment
        self._workers = workers
        self._resend = resend
        self._push = push
        self._logs = logs
        self._events: list[int] = []

    def run(self, console: Console) -> Results:
        """Insert the sample, wait until all is written and sent, and return the results."""
        database_url = self._environment["DATABASE_URL"]
        columns = (TextColumn("  {task.description}"), BarColumn(30), MofNCompleteColumn())
        with psycopg.connect(database_url, autocommit=True) as connection:
            self._wait(lambda: is_mail_on(connection), "the graph of mail did not begin")
            self._wait(lambda: is_push_on(connection), "the graph of push did not begin")
            seed_people(database_url)
            with receiving(connection, self._push.bus):
                seed_due(database_url)
                _tick(self._environment)
                verified = insert_event(connection)
                console.print()
                with Progress(*columns, console=console) as progress:
                    self._write(connection, progress)
                self._wait(lambda: count_unsent(connection) == 0, "some mails were not sent")
                self._wait(
                    lambda: len(read_pushes(connection)) == _KINDS_OF_PUSH,
                    "some pushes did not go out",
                )
            mail = self._mail(first_sent(connection))
            reaction = self._reaction(connection, verified)
            return read_results(connection, self._events, mail, reaction)

    def _write(self, connection: psycopg.Connection[Any], progress: Progress) -> None:
        task = progress.add_task("events written and processed", total=None)
        for event in seed_events(self._environment["DATABASE_URL"]):
            self._events.append(event)
            done = len(self._events) - count_pending(connection, self._events)
            progress.update(task, total=len(self._events), completed=done)
            # The rate of a busy application: the latencies are then those of single events.
            time.sleep(_PACE_SECONDS)

        def is_done() -> bool:
            self._events += read_emitted(connection, self._events)
            pending = count_pending(connection, self._events)
            total = len(self._events)
            progress.update(task, total=total, completed=total - pending)
            return not pending and len(read_jobs(connection)) == len(_JOBS)

        self._wait(is_done, "some events did not arrive")

    def _reaction(self, connection: psycopg.Connection[Any], event: UUID) -> ShownReaction:
        """Return what came of an event of reactions, once it is done."""
        found: list[ShownReaction] = []

        def is_done() -> bool:
            found.extend(filter(None, [read_reaction(connection, event)]))
            return bool(found)

        self._wait(is_done, "the event of reactions was not processed")
        return found[0]

    def _mail(self, name: str) -> SentMail:
        """Return the mail that the provider calls so."""
        accepted = self._resend.accepted
        for mail in accepted:
            if mail.id == name:
                return SentMail(
                    of=len(accepted),
                    to=", ".join(mail.to),
                    subject=mail.content["subject"],
                    text=mail.content["text"],
                    page=self._resend.page(mail),
                )
        raise MailMissing(self._logs)

    def _wait(self, is_done: Callable[[], bool], otherwise: str) -> None:
        deadline = time.monotonic() + TIMEOUT_SECONDS
        while not is_done():
            for worker in self._workers:
                worker.check()
            if time.monotonic() > deadline:
                raise Overdue(otherwise, self._logs)
            time.sleep(_POLL_SECONDS)
