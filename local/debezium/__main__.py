"""Runs Debezium with the deployed configuration: `python -m local.debezium --help`."""

import argparse
import logging
import os
import sys
import threading
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

from local.debezium.configuration import MissingVariable, engine_properties, read
from local.debezium.engine import Engine, EngineFailed
from local.debezium.sink import PubSubSink
from pipeline.runtime.signals import stopped_by_signals

_CONFIGURATION = Path(__file__).parents[2] / "debezium" / "application.properties"


def main(arguments: list[str] | None = None) -> int:
    """Capture changes until SIGTERM or SIGINT; returns the exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m local.debezium",
        description="Publishes new rows of domain_events to Pub/Sub with the Debezium engine.",
        epilog="The variables that the configuration names come from the environment, as does "
        "PUBSUB_EMULATOR_HOST.",
    )
    parser.add_argument(
        "--configuration",
        type=Path,
        default=_CONFIGURATION,
        help="a Debezium Server configuration (default: the deployed one)",
    )
    options = parser.parse_args(arguments)
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(levelname)s %(message)s")
    stop = threading.Event()
    try:
        settings = read(options.configuration, os.environ)
        sink = PubSubSink(settings["debezium.sink.pubsub.project.id"])
        with stopped_by_signals(stop.set):
            Engine(engine_properties(settings), sink).run(stop)
    except (OSError, MissingVariable, EngineFailed) as error:
        print(f"Debezium stopped: {' '.join(str(error).split())}", file=sys.stderr)  # noqa: T201
        return 1
    return 0


def end_with(run: Callable[[], int]) -> NoReturn:
    """End the process with the exit status of a function, whatever the JVM's threads do.

    A usual end waits for them, and one that hangs would keep the process.
    """
    try:
        status = run()
    except KeyboardInterrupt:  # the second signal: do not wait for the engine
        status = 130
    except Exception:  # noqa: BLE001 - printed; the process must end in the same way
        traceback.print_exc()
        status = 1
    sys.stderr.flush()
    os._exit(status)


if __name__ == "__main__":
    end_with(main)
