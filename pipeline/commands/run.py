"""``run``: the stream."""

import argparse
import gc
from typing import Final

from pipeline.commands.command import (
    SUBSCRIPTION,
    TOPIC,
    Commands,
    add_command,
    add_processing_arguments,
)
from pipeline.domain.errors import UsageError

_LOCAL_RUNNERS: Final = ("DirectRunner", "FnApiRunner")


def add(commands: Commands) -> None:
    """Add the command."""
    command = add_command(
        commands,
        "run",
        _execute,
        "turn events into notifications and e-mails until stopped",
        f"python -m pipeline run --subscription {SUBSCRIPTION} --dead-letter-topic {TOPIC}",
        f"python -m pipeline run --subscription {SUBSCRIPTION} --dry-run",
    )
    command.add_argument(
        "--subscription", required=True, metavar=SUBSCRIPTION, help="where events come from"
    )
    command.add_argument(
        "--runner",
        default="DirectRunner",
        help="DirectRunner (the default): on this machine, in this process; DataflowRunner takes"
        " other arguments: --runner=DataflowRunner --help",
    )
    add_processing_arguments(command)


def _execute(options: argparse.Namespace) -> None:
    if options.runner not in _LOCAL_RUNNERS:
        raise UsageError(
            f"--runner {options.runner} is not known here: use DirectRunner, or DataflowRunner"
        )
    # What is imported is there to stay; spare_collector sets the collector to work again.
    gc.disable()
    from pipeline.commands.processing import topology_of
    from pipeline.runtime.runner import spare_collector
    from pipeline.runtime.stream import run_stream
    from pipeline.settings import PubSubSettings

    spare_collector()
    settings = PubSubSettings(subscription=options.subscription, acknowledge=not options.dry_run)
    run_stream(topology_of(options), settings)
