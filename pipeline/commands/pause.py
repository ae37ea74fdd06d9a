"""``pause``: holds back the events of a type."""

import argparse
import sys

from pipeline.commands.command import Commands, add_command


def add(commands: Commands) -> None:
    """Add the command."""
    command = add_command(
        commands,
        "pause",
        _execute,
        "hold back the events of a type, or the runs of a scheduled job, until resume",
        "python -m pipeline pause document_uploaded --reason 'wrong links'",
        "python -m pipeline pause user.verified",
        "python -m pipeline pause meeting-reminders",
        "python -m pipeline pause mail:resend",
    )
    command.add_argument(
        "switch_name",
        metavar="NAME",
        help="an event type that has a handler, a job, a provider such as mail:resend, or a type of"
        " mail such as mail:invite_accepted",
    )
    command.add_argument("--reason", metavar="TEXT", help="why, for the record")
    command.add_argument("--json", action="store_true", help="one JSON object, for programs")


def _execute(options: argparse.Namespace) -> None:
    import orjson

    from pipeline.ops.switches.change import pause
    from pipeline.ops.switches.names import KNOWN
    from pipeline.output import print_json
    from pipeline.screens.switches import paused_lines

    paused = pause(options.database, options.switch_name, KNOWN, reason=options.reason)
    if options.json:
        print_json(orjson.dumps(paused, option=orjson.OPT_UTC_Z).decode())
    else:
        sys.stdout.write(paused_lines(paused))
