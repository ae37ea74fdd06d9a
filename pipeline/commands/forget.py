"""``forget``: erases what the pipeline holds of a person."""

import argparse
import sys

from pipeline.commands.command import Commands, add_command
from pipeline.values import USER, argument


def add(commands: Commands) -> None:
    """Add the command."""
    command = add_command(
        commands,
        "forget",
        _execute,
        "erase what the pipeline holds of a person, for good; counts stay",
        "python -m pipeline forget --user 6f1c2a34-0000-4000-8000-000000000001 --dry-run",
        "python -m pipeline forget --user 6f1c2a34-0000-4000-8000-000000000001",
    )
    command.add_argument(
        "--user",
        required=True,
        type=argument(USER),
        metavar="UUID",
        help="the person's id; delete them in the application first",
    )
    command.add_argument(
        "--dry-run", action="store_true", help="count what would be erased, and change nothing"
    )
    command.add_argument("--json", action="store_true", help="one JSON object, for programs")


def _execute(options: argparse.Namespace) -> None:
    import orjson

    from pipeline.ops.forget.forget import forget
    from pipeline.output import print_json
    from pipeline.screens.forget import forgotten_lines

    forgotten = forget(options.database, options.user, dry_run=options.dry_run)
    if options.json:
        print_json(orjson.dumps(forgotten).decode())
    else:
        sys.stdout.write(forgotten_lines(forgotten))
