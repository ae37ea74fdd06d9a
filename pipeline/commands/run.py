"""``run``: processes events until stopped."""

import argparse
import gc

from pipeline.commands.command import (
    SYSTEM_USER_HELP,
    Commands,
    add_command,
    add_dry_run,
    add_parameters,
    given,
)
from pipeline.options import (
    BATCH_SIZE,
    DEAD_LETTER_TOPIC,
    GRAPH,
    MAX_EVENT_AGE_HOURS,
    RUNNER,
    SUBSCRIPTION,
    SYSTEM_USERS,
    Taker,
)


def add(commands: Commands) -> None:
    """Add the command."""
    start = f"python -m pipeline run --subscription {SUBSCRIPTION.metavar}"
    command = add_command(
        commands,
        "run",
        _execute,
        "turn events into notifications and e-mails until stopped",
        f"{start} --dead-letter-topic {DEAD_LETTER_TOPIC.metavar}",
        f"{start} --dry-run",
    )
    add_parameters(
        command,
        Taker.RUN,
        *(GRAPH, SUBSCRIPTION, RUNNER, DEAD_LETTER_TOPIC),
        *(MAX_EVENT_AGE_HOURS, SYSTEM_USERS, BATCH_SIZE),
        system_users=SYSTEM_USER_HELP,
    )
    add_dry_run(command)


def _execute(options: argparse.Namespace) -> None:
    # Imported modules stay in memory. freeze_loaded_objects enables the collector again.
    gc.disable()
    from pipeline.commands.processing import topology_of
    from pipeline.runtime.runner import freeze_loaded_objects
    from pipeline.runtime.stream import run_stream
    from pipeline.settings import PubSubSettings

    freeze_loaded_objects()
    values = given(options, Taker.RUN)
    # With a second family, --graph all will start one process per graph.
    [graph] = values[GRAPH]
    run_stream(
        topology_of(graph, options, Taker.RUN),
        PubSubSettings(subscription=values[SUBSCRIPTION], acknowledge=not options.dry_run),
    )
