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
        "end the pause of an event type or a scheduled job, or close an open breaker",
        "python -m pipeline resume document_uploaded",
        "python -m pipeline resume meeting-reminders",
    )
    command.add_argument(
        "switch_name", metavar="NAME", help="an event type, a job, or a name such as mail:resend"
    )
    command.add_argument("--json", action="store_true", help="one JSON object, for programs")


def _execute(options: argparse.Namespace) -> None:
    import orjson

    from pipeline.ops.switches.change import resume
    from pipeline.ops.switches.names import KNOWN
    from pipeline.output import print_json
    from pipeline.screens.switches import resumed_lines

    resumed = resume(options.database, options.switch_name, KNOWN)
    if options.json:
        print_json(orjson.dumps(resumed).decode())
    else:
        sys.stdout.write(resumed_lines(resumed))
