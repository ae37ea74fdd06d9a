"""``why``: says who got what from an event, and who got nothing and why."""

import argparse

from pipeline.commands.command import Commands, add_command
from pipeline.values import EVENT_ID, USER, argument


def add(commands: Commands) -> None:
    """Add the command."""
    command = add_command(
        commands,
        "why",
        _execute,
        "say who got what from an event, and who got nothing and why",
        "python -m pipeline why --event 42",
        "python -m pipeline why --event 42 --user 6f1c2a34-0000-4000-8000-000000000001",
        "python -m pipeline why --event 42 --json",
    )
    command.add_argument(
        "--event",
        required=True,
        type=argument(EVENT_ID),
        metavar="ID",
        help="the id in domain_events",
    )
    command.add_argument(
        "--user", type=argument(USER), metavar="UUID", help="only this person, considered or not"
    )
    command.add_argument("--json", action="store_true", help="one JSON object, for programs")


def _execute(options: argparse.Namespace) -> None:
    import orjson

    from pipeline.ops.why import document, read_account
    from pipeline.output import print_json
    from pipeline.screens.terminal import open_console
    from pipeline.screens.why import show

    account = read_account(options.database, options.event, options.user)
    if options.json:
        print_json(orjson.dumps(document(account), option=orjson.OPT_UTC_Z).decode())
    else:
        show(open_console(), account)
