"""``run``: runs one graph or all of them, until stopped."""

import argparse
import gc
from typing import Final

from pipeline.commands.command import (
    SYSTEM_USER_HELP,
    Commands,
    add_command,
    add_dry_run,
    add_parameters,
    given,
)
from pipeline.domain.errors import UsageError
from pipeline.domain.graph import Graph
from pipeline.options.graph import (
    BATCH_SIZE,
    GRAPH,
    MAX_EVENT_AGE_HOURS,
    RUNNER,
    SYSTEM_USERS,
    UNROUTED,
)
from pipeline.options.parameter import ParameterValues, Taker
from pipeline.options.pubsub import (
    DEAD_LETTER_TOPIC,
    JOBS_SUBSCRIPTION,
    MAIL_SUBSCRIPTION,
    PUSH_SUBSCRIPTION,
    REACTIONS_SUBSCRIPTION,
    SUBSCRIPTION,
    TICK_TOPIC,
)
from pipeline.options.table import taken_by

# A process of --graph all gets its own.
_OF_ONE_PROCESS: Final = (
    GRAPH,
    SUBSCRIPTION,
    JOBS_SUBSCRIPTION,
    MAIL_SUBSCRIPTION,
    PUSH_SUBSCRIPTION,
    REACTIONS_SUBSCRIPTION,
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
        f"{start} --graph jobs --tick-topic {TICK_TOPIC.metavar}",
        f"{start} --graph mail",
        f"{start} --graph push",
        f"{start} --graph reactions",
    )
    add_parameters(
        command,
        Taker.RUN,
        *(
            GRAPH,
            SUBSCRIPTION,
            JOBS_SUBSCRIPTION,
            MAIL_SUBSCRIPTION,
            PUSH_SUBSCRIPTION,
            REACTIONS_SUBSCRIPTION,
            TICK_TOPIC,
            RUNNER,
            DEAD_LETTER_TOPIC,
        ),
        *(MAX_EVENT_AGE_HOURS, SYSTEM_USERS, BATCH_SIZE, UNROUTED),
        system_users=SYSTEM_USER_HELP,
    )
    # Of a process of --graph all: it stops when its standard input ends.
    command.add_argument("--supervised", action="store_true", help=argparse.SUPPRESS)
    add_dry_run(command)


def _execute(options: argparse.Namespace) -> None:
    values = given(options, Taker.RUN)
    if len(values[GRAPH]) > 1:
        _run_all(values, dry_run=options.dry_run)
        return
    if options.supervised:
        from pipeline.runtime.supervised import end_with_supervisor

        end_with_supervisor()
    # Imported modules stay in memory. freeze_loaded_objects enables the collector again.
    gc.disable()
    from pipeline.commands.processing import topology_of
    from pipeline.runtime.runner import freeze_loaded_objects
    from pipeline.runtime.stream import run_stream
    from pipeline.settings import PubSubSettings

    freeze_loaded_objects()
    [graph] = values[GRAPH]
    run_stream(
        topology_of(graph, options),
        PubSubSettings(subscription=values[SUBSCRIPTION], acknowledge=not options.dry_run),
    )


def _run_all(values: ParameterValues, *, dry_run: bool) -> None:
    from pipeline.runtime.supervise import supervise

    ticks = values.get(JOBS_SUBSCRIPTION)
    if ticks is None:
        raise UsageError(
            "--graph all needs --jobs-subscription: each graph reads its own subscription"
        )
    subscriptions = {Graph.FANOUT: values[SUBSCRIPTION], Graph.JOBS: ticks}
    if deliveries := values.get(MAIL_SUBSCRIPTION):
        subscriptions[Graph.MAIL] = deliveries
    if deliveries := values.get(PUSH_SUBSCRIPTION):
        subscriptions[Graph.PUSH] = deliveries
    if events := values.get(REACTIONS_SUBSCRIPTION):
        subscriptions[Graph.REACTIONS] = events
    more = ["--supervised", *(["--dry-run"] if dry_run else [])]
    supervise(
        {
            graph: [*_arguments(values), *more, f"--graph={graph}", f"--subscription={name}"]
            for graph, name in subscriptions.items()
        }
    )


def _arguments(values: ParameterValues) -> list[str]:
    """Return the arguments that the process of every graph gets."""
    arguments = ["run"]
    for each in taken_by(Taker.RUN):
        value = values.get(each)
        if value is None or each in _OF_ONE_PROCESS:
            continue
        if each.repeated:
            arguments += [f"--{each.repeated}={user}" for user in sorted(value)]
        else:
            arguments.append(f"--{each.name.replace('_', '-')}={each.kind.write(value)}")
    return arguments
