"""``status``: how the pipeline is doing, in figures."""

import argparse
from datetime import timedelta

from pipeline.commands.command import Commands, add_command, duration


def add(commands: Commands) -> None:
    """Add the command."""
    command = add_command(
        commands,
        "status",
        _execute,
        "show backlog, rates, latency, capture lag and dead letters",
        "python -m pipeline status",
        "python -m pipeline status --watch",
        "python -m pipeline status --json",
    )
    command.add_argument(
        "--json",
        action="store_true",
        help="one JSON object; null stands for nothing or not visible",
    )
    command.add_argument(
        "--watch",
        nargs="?",
        type=duration,
        const=timedelta(seconds=10),
        metavar="DURATION",
        help="show it again every so often, until Ctrl-C (default: 10s)",
    )


def _execute(options: argparse.Namespace) -> None:
    from rich.console import Console

    from pipeline.ops.status.watch import show, watch

    console = Console()
    if options.watch is None:
        show(options.database, console, as_json=options.json)
    else:
        watch(options.database, console, every=options.watch, as_json=options.json)
