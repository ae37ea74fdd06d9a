"""``capture``: shows whether only ids and times are captured, and changes to that."""

import argparse

from pipeline.commands.capture_names import add_publication, capture_names
from pipeline.commands.command import Commands, add_command


def add(commands: Commands) -> None:
    """Add the command."""
    command = add_command(
        commands,
        "capture",
        _execute,
        "show whether only ids and times are captured; with --ids-only, change to that",
        "python -m pipeline capture",
        "python -m pipeline capture --ids-only",
    )
    command.add_argument(
        "--ids-only",
        action="store_true",
        help="publish only the id and the time of an event; refused until the running pipeline and"
        " Debezium no longer need more",
    )
    add_publication(command)
    command.add_argument("--json", action="store_true", help="one JSON object")


def _execute(options: argparse.Namespace) -> int:
    import json
    import sys

    from pipeline.ops.capture.document import document
    from pipeline.ops.capture.progress import narrow, read_steps
    from pipeline.screens.capture import show
    from pipeline.screens.terminal import open_console

    steps = (narrow if options.ids_only else read_steps)(options.database, capture_names(options))
    summary = document(steps)
    if options.json:
        sys.stdout.write(json.dumps(summary) + "\n")
    else:
        show(open_console(), steps)
    return 0 if summary["done"] else 1
