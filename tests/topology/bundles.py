"""Run many bundles through the whole graph and print by how much each made the process grow.

``python -m tests.topology.bundles local|plain BUNDLES`` prints kilobytes of memory for each
bundle, on the pipeline's own runner or on Beam's as it is.
"""

import gc
import os
import sys
import threading
from typing import Final

import apache_beam as beam
import psutil
from apache_beam.options.pipeline_options import PipelineOptions
from apache_beam.runners.portability.fn_api_runner import FnApiRunner

from pipeline.domain.decide import Policy
from pipeline.domain.message import Message
from pipeline.handlers import HANDLERS
from pipeline.pubsub.subscription import open_subscription
from pipeline.runner import local_pipeline
from pipeline.settings import DatabaseSettings, PubSubSettings
from pipeline.sources.pull import PullFromPubSub
from pipeline.topology import Topology
from tests.deadline import wait_until
from tests.streams import SUBSCRIPTION, Broker, broker

WARM_UP: Final = 50


def main() -> None:
    """Feed one message a bundle: an event of a type without handler, in a dry run."""
    runner, bundles = sys.argv[1], int(sys.argv[2])
    with broker() as events:
        os.environ["PUBSUB_EMULATOR_HOST"] = events.emulator.address
        pipeline = (
            local_pipeline()
            if runner == "local"
            else beam.Pipeline(runner=FnApiRunner(), options=PipelineOptions(flags=[]))
        )
        Topology(
            database=DatabaseSettings(dsn="host=127.0.0.1"),
            handlers=HANDLERS,
            policy=Policy(),
            dry_run=True,
        ).build(pipeline, PullFromPubSub(PubSubSettings(subscription=SUBSCRIPTION)))
        stream = threading.Thread(target=pipeline.run, daemon=True)
        stream.start()
        _feed(events, WARM_UP)
        before = _resident()
        _feed(events, bundles)
        growth = (_resident() - before) / bundles / 1024
        open_subscription(SUBSCRIPTION).stop()
        stream.join()
    # Not on stderr, where gRPC speaks as well.
    print(f"{growth:.1f}")  # noqa: T201 - the result


def _feed(events: Broker, bundles: int) -> None:
    subscription = open_subscription(SUBSCRIPTION)
    for _ in range(bundles):
        done = subscription.acknowledged
        events.publish([Message(b"{}", {"id": str(done + 1), "event_type": "moon_rose"})])
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
