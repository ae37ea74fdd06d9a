"""``seed``: inserts sample people and events, or deletes them."""

import argparse

from pipeline.commands.command import Commands, add_command, say


def add(commands: Commands) -> None:
    """Add the command."""
    command = add_command(
        commands,
        "seed",
        _execute,
        "insert sample people, projects, threads and events",
        "python -m pipeline seed",
        "python -m pipeline seed --clear",
    )
    command.add_argument(
        "--clear",
        action="store_true",
        help="delete the sample and all rows that its events led to",
    )


def _execute(options: argparse.Namespace) -> None:
    from pipeline.domain.units import counted
    from pipeline.ops.seed import clear, seed

    if options.clear:
        removed = counted(clear(options.database.dsn), "event")
        say(f"deleted {removed} and all other rows of the sample")
    else:
        seed(options.database.dsn, report=say)
