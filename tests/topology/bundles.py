"""Runs many bundles through the whole graph and prints the process's memory growth for each.

``python -m tests.topology.bundles local|plain BUNDLES`` prints kilobytes of memory for each
bundle, on the pipeline's own runner or on Beam's unchanged runner. DATABASE_URL names a migrated
database. The program inserts one event for each bundle.
"""

import gc
import os
import sys
import threading
from collections.abc import Iterable
from typing import Final

import apache_beam as beam
import psutil
import psycopg
from apache_beam.options.pipeline_options import PipelineOptions
from apache_beam.runners.portability.fn_api_runner import FnApiRunner

from pipeline.clients.pubsub.subscription import open_subscription
from pipeline.domain.identifiers import EventId
from pipeline.domain.message import message_for
from pipeline.fanout.decide import Policy
from pipeline.fanout.handlers import HANDLERS
from pipeline.runtime.runner import local_pipeline
from pipeline.settings import DatabaseSettings, PubSubSettings
from pipeline.sources.pull import PullFromPubSub
from pipeline.topology.ends import Preview
from pipeline.topology.fanout import Topology
from tests.deadline import wait_until
from tests.streams import SUBSCRIPTION, Broker, broker

WARM_UP: Final = 50


def main() -> None:
    """Feed one message a bundle: an event of a type without a handler, in a dry run."""
    runner, bundles = sys.argv[1], int(sys.argv[2])
    dsn = os.environ["DATABASE_URL"]
    ids = _insert(dsn, WARM_UP + bundles)
    with broker() as events:
        os.environ["PUBSUB_EMULATOR_HOST"] = events.emulator.address
        pipeline = (
            local_pipeline()
            if runner == "local"
            else beam.Pipeline(runner=FnApiRunner(), options=PipelineOptions(flags=[]))
        )
        Topology(
            database=DatabaseSettings(dsn=dsn),
            handlers=HANDLERS,
            policy=Policy(),
            ends=Preview(),
        ).build(pipeline, PullFromPubSub(PubSubSettings(subscription=SUBSCRIPTION)))
        stream = threading.Thread(target=pipeline.run, daemon=True)
        stream.start()
        _feed(events, ids[:WARM_UP])
        before = _resident()
        _feed(events, ids[WARM_UP:])
        growth = (_resident() - before) / bundles / 1024
        open_subscription(SUBSCRIPTION).stop()
        stream.join()
    # Not on stderr, where gRPC writes too.
    print(f"{growth:.1f}")  # noqa: T201 - the result


def _insert(dsn: str, events: int) -> list[EventId]:
    with psycopg.connect(dsn) as connection:
        rows = connection.execute(
            "INSERT INTO domain_events (event_type) SELECT 'moon_rose' FROM generate_series(1, %s)"
            " RETURNING id",
            [events],
        ).fetchall()
    return [EventId(row[0]) for row in rows]


def _feed(events: Broker, ids: Iterable[EventId]) -> None:
    subscription = open_subscription(SUBSCRIPTION)
    for event_id in ids:
        done = subscription.acknowledged
        events.publish([message_for(event_id)])
        wait_until(
            lambda done=done: subscription.acknowledged > done,  # type: ignore[misc]
            seconds=30,
            what="the bundle is acknowledged",
        )


def _resident() -> int:
    gc.collect()
    return int(psutil.Process().memory_info().rss)


if __name__ == "__main__":
    main()
