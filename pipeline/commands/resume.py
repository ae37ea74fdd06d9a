"""``resume``: lets the pipeline process an event type again."""

import argparse
import sys

from pipeline.commands.command import Commands, add_command


def add(commands: Commands) -> None:
    """Add the command."""
    command = add_command(
        commands,
        "resume",
        _execute,
        "end the pause of an event type, or close its open breaker",
        "python -m pipeline resume document_uploaded",
    )
    command.add_argument("event_type", metavar="NAME", help="an event type")
    command.add_argument("--json", action="store_true", help="one JSON object, for programs")


def _execute(options: argparse.Namespace) -> None:
    import orjson

    from pipeline.fanout.handlers import HANDLERS
    from pipeline.ops.switches.change import resume
    from pipeline.output import print_json
    from pipeline.screens.switches import resumed_lines

    resumed = resume(options.database, options.event_type, HANDLERS)
    if options.json:
        print_json(orjson.dumps(resumed).decode())
    else:
        sys.stdout.write(resumed_lines(resumed))
