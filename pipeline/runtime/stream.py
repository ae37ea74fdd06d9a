"""Run the stream on one machine until a signal stops it."""

import logging
import random
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Final

from pipeline.clients.postgres.check import check_database
from pipeline.clients.postgres.retry import with_connection
from pipeline.clients.postgres.watchdog import WATCHDOG
from pipeline.clients.pubsub.check import check_stream
from pipeline.clients.pubsub.subscription import Subscription, open_subscription
from pipeline.domain.backoff import Backoff, Restarts
from pipeline.domain.errors import TransientError
from pipeline.domain.graph import Graph
from pipeline.domain.units import counted
from pipeline.ops.jobs.read import check_jobs, has_jobs
from pipeline.runtime.runner import local_pipeline
from pipeline.runtime.signals import stopped_by_signals
from pipeline.settings import PubSubSettings
from pipeline.sinks.graph_topic import note_topic
from pipeline.sinks.heartbeat import beating
from pipeline.sinks.tally import Field, causes, tally
from pipeline.sinks.unpublished_letters import publishing
from pipeline.sources.pull import PullFromPubSub
from pipeline.sources.waiting_room import GoOn, Postpone, PutOff
from pipeline.topology.ends import Retries
from pipeline.topology.graphs import AnyTopology

REPORT_SECONDS: Final = 10.0
BACKOFF: Final = Backoff(first=0.5, longest=30.0, at_least=0.5)

_log: Final = logging.getLogger(__name__)


def run_stream(topology: AnyTopology, settings: PubSubSettings) -> None:
    """Read the subscription and process its messages, until SIGINT or SIGTERM.

    At a stop, messages that were pulled are written and acknowledged first. After a transient error
    the pulled messages are given back and a new pipeline starts, after a pause that grows.

    Raises:
        ConfigurationError: reads or writes cannot succeed until a person fixes it, or dead letters
            would return to the subscription. Pulled messages are given back.
        TransientError: the database was not ready at the start.
    """
    topology = topology.on_one_machine(settings.subscription)
    _check(topology)
    # If Pub/Sub does not answer, the stream waits for it, as it does later.
    with suppress(TransientError):
        topic = check_stream(settings.subscription, topology.ends.dead_letter_topic)
        if not topology.ends.is_dry_run:
            note_topic(topology.database, topology.graph, topic)
    subscription = open_subscription(settings.subscription)

    def stop() -> None:
        subscription.stop()
        # A statement that waits for a server must not delay the stop.
        WATCHDOG.cap_deadlines()

    with stopped_by_signals(stop), _reporting(topology):
        try:
            with _living(topology), topology.beside(subscription):
                _keep_running(topology, settings, subscription)
        finally:
            returned = subscription.close()
        done = tally()
        _log.info(
            "stopped; %d acknowledged, %d given back%s",
            subscription.acknowledged,
            returned,
            f"; {_describe(done, topology)}" if done[Field.EVENTS] else "",
        )


@contextmanager
def _living(topology: AnyTopology) -> Iterator[None]:
    """Write the sign of life, and publish dead letters that nobody has, until the block ends."""
    if topology.ends.is_dry_run:
        yield
        return
    database, graph = topology.database, topology.graph
    with beating(database, graph), publishing(database, graph, topology.ends.dead_letter_topic):
        yield


def _check(topology: AnyTopology) -> None:
    """Check that the database has what the graph needs."""
    if topology.graph is Graph.MAIL:
        # The fan-out does without this module, which takes time to import.
        from pipeline.steps.mail.sender import check_mail  # noqa: PLC0415

        check_mail(topology.database)
        return
    if topology.graph is Graph.PUSH:
        from pipeline.steps.push.sender import check_push  # noqa: PLC0415

        check_push(topology.database)
        return
    if topology.graph is Graph.REACTIONS:
        from pipeline.steps.reactions.reactor import check_reactions  # noqa: PLC0415

        check_reactions(topology.database)
        return
    is_jobs = topology.graph is Graph.JOBS
    if is_jobs:
        check_jobs(topology.database)
    # The jobs of reactions need no table of an application.
    with_jobs = is_jobs and with_connection(topology.database, has_jobs)
    check_database(topology.database, tables=with_jobs or not is_jobs, with_jobs=with_jobs)


def _keep_running(
    topology: AnyTopology, settings: PubSubSettings, subscription: Subscription
) -> None:
    name = settings.subscription
    retries = Retries(
        unseen=Postpone(name), locked=PutOff(topology.database, name), next_page=GoOn(name)
    )
    restarts = Restarts(BACKOFF, random.uniform)
    while not subscription.stopping:
        started = time.monotonic()
        try:
            pipeline = local_pipeline()
            topology.build(pipeline, PullFromPubSub(settings, topology.due_every), retries)
            pipeline.run().wait_until_finish()
        except TransientError as failure:
            subscription.give_back()
            seconds = restarts.pause_after(time.monotonic() - started)
            _log.warning("%s; restarting in %.1f s", failure, seconds)
            subscription.wait_for_stop(seconds)


@contextmanager
def _reporting(topology: AnyTopology) -> Iterator[None]:
    """Log the results so far every ``REPORT_SECONDS``, if there are new ones."""
    ended = threading.Event()

    def report() -> None:
        before, since = tally()[Field.EVENTS], time.monotonic()
        while not ended.wait(REPORT_SECONDS):
            done, now = tally(), time.monotonic()
            if done[Field.EVENTS] > before:
                rate = (done[Field.EVENTS] - before) / (now - since)
                _log.info("%s; %.0f a second", _describe(done, topology), rate)
            before, since = done[Field.EVENTS], now

    thread = threading.Thread(target=report, name="report", daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


def _describe(done: Mapping[str, int], topology: AnyTopology) -> str:
    """Describe the results of this process, for a log line."""
    others = (Field.EXPIRED, Field.UNROUTED, Field.PAUSED, Field.DEAD)
    completed = done[Field.EVENTS] - sum(done[each] for each in others)
    parts = [f"{completed:,} completed"]
    parts += [f"{done[each]:,} {each}" for each in others if done[each]]
    if done[Field.DEAD]:
        where = "" if topology.ends.is_dry_run else ": python -m pipeline dead-letters list"
        parts[-1] += f" ({counted(causes(), 'cause')}{where})"
    return f"{done[Field.EVENTS]:,} done: {', '.join(parts)}"
