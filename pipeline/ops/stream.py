"""Run the stream on one machine until it is told to stop."""

import logging
import random
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from types import FrameType
from typing import Any, Final

from pipeline.domain.errors import TransientError
from pipeline.postgres.check import check_database
from pipeline.postgres.pool import close_pools
from pipeline.postgres.watchdog import WATCHDOG
from pipeline.pubsub.subscription import Subscription, open_subscription
from pipeline.runner import local_pipeline
from pipeline.settings import PubSubSettings
from pipeline.sources.pull import PullFromPubSub
from pipeline.sources.waiting_room import Postpone
from pipeline.topology import Topology

REPORT_SECONDS: Final = 10.0
FIRST_PAUSE_SECONDS: Final = 0.5
LONGEST_PAUSE_SECONDS: Final = 30.0

_log: Final = logging.getLogger(__name__)


def run_stream(topology: Topology, settings: PubSubSettings) -> None:
    """Read the subscription and write what follows, until SIGINT or SIGTERM.

    At a stop what has been pulled is written and acknowledged first. After a transient error the
    messages in hand are given back and the pipeline is built anew, with growing pauses.

    Raises:
        ConfigurationError: nothing can be read or written; what was in hand is given back.
        TransientError: the database was not ready at the start.
    """
    check_database(topology.database, tables=True)
    subscription = open_subscription(settings.subscription)
    with _stopped_by_signals(subscription), _reporting(subscription):
        try:
            _keep_running(topology, settings, subscription)
        finally:
            returned = subscription.close()
            close_pools()
        _log.info("stopped; %d acknowledged, %d given back", subscription.acknowledged, returned)


def _keep_running(topology: Topology, settings: PubSubSettings, subscription: Subscription) -> None:
    graph = replace(topology, later=Postpone(settings.subscription))
    pause = FIRST_PAUSE_SECONDS
    while not subscription.stopping:
        started = time.monotonic()
        try:
            pipeline = local_pipeline()
            graph.build(pipeline, PullFromPubSub(settings))
            pipeline.run().wait_until_finish()
        except TransientError as failure:
            subscription.give_back()
            if time.monotonic() - started > LONGEST_PAUSE_SECONDS:
                pause = FIRST_PAUSE_SECONDS
            seconds = random.uniform(pause / 2, pause)  # noqa: S311 - jitter needs no secrecy
            _log.warning("%s; starting again in %.1f s", failure, seconds)
            subscription.wait_for_stop(seconds)
            pause = min(pause * 2, LONGEST_PAUSE_SECONDS)


@contextmanager
def _stopped_by_signals(subscription: Subscription) -> Iterator[None]:
    """The first signal stops the source; a second one has its usual effect."""

    def stop(number: int, frame: FrameType | None) -> None:  # noqa: ARG001 - signal's signature
        subscription.stop()
        # What waits for a silent server shall not keep a stop waiting.
        WATCHDOG.hurry()
        for each, handler in earlier.items():
            signal.signal(each, handler)

    earlier: dict[signal.Signals, Any] = {
        number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)
    }
    try:
        yield
    finally:
        for number, handler in earlier.items():
            signal.signal(number, handler)


@contextmanager
def _reporting(subscription: Subscription) -> Iterator[None]:
    """Log how many messages were done with, while there are any."""
    ended = threading.Event()

    def report() -> None:
        before = 0
        while not ended.wait(REPORT_SECONDS):
            now = subscription.acknowledged
            if now > before:
                rate = (now - before) / REPORT_SECONDS
                _log.info("%s messages done, %.0f a second", f"{now:,}", rate)
            before = now

    thread = threading.Thread(target=report, name="report", daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()
