"""``why``: says what came of an event, or what became of a push, and why."""

import argparse

from pipeline.commands.command import Commands, add_command
from pipeline.domain.errors import UsageError
from pipeline.values import ANY_EVENT_ID, USER, argument


def add(commands: Commands) -> None:
    """Add the command."""
    command = add_command(
        commands,
        "why",
        _execute,
        "say who got what from an event, and who got nothing and why; or what came of a reaction",
        "python -m pipeline why --event 42",
        "python -m pipeline why --event 42 --user 6f1c2a34-0000-4000-8000-000000000001",
        "python -m pipeline why --event 42 --json",
        "python -m pipeline why --event 6f1c2a34-0000-4000-8000-000000000004",
        "python -m pipeline why --activity 6f1c2a34-0000-4000-8000-000000000002",
        "python -m pipeline why --delivery 6f1c2a34-0000-4000-8000-000000000003",
    )
    asked = command.add_mutually_exclusive_group(required=True)
    asked.add_argument(
        "--event",
        type=argument(ANY_EVENT_ID),
        metavar="ID",
        help="the id in domain_events, or the UUID in reactions.events",
    )
    for name, words in (
        ("--activity", "the id of a row of activity.notifications"),
        ("--broadcast", "the id of a broadcast"),
        ("--delivery", "the id of one delivery, on any channel"),
    ):
        asked.add_argument(name, type=argument(USER), metavar="UUID", help=words)
    command.add_argument(
        "--user",
        type=argument(USER),
        metavar="UUID",
        help="only this person, considered or not; with the number of an event",
    )
    command.add_argument("--json", action="store_true", help="one JSON object, for programs")


def _execute(options: argparse.Namespace) -> None:
    import orjson

    from pipeline.ops.why import document, read_account
    from pipeline.output import print_json
    from pipeline.screens.terminal import open_console
    from pipeline.screens.why import show

    if options.event is None:
        _explain_cause(options)
        return
    if not isinstance(options.event, int):
        _explain_reaction(options)
        return
    account = read_account(options.database, options.event, options.user)
    if options.json:
        print_json(orjson.dumps(document(account), option=orjson.OPT_UTC_Z).decode())
    else:
        show(open_console(), account)


def _explain_reaction(options: argparse.Namespace) -> None:
    import orjson

    from pipeline.ops.reactions.document import reaction_document
    from pipeline.ops.reactions.explain import read_reaction
    from pipeline.output import print_json
    from pipeline.screens.reactions import show_reaction
    from pipeline.screens.terminal import open_console

    if options.user is not None:
        raise UsageError("invalid --user: expected only with the number of an event; leave it out")
    account = read_reaction(options.database, options.event)
    if options.json:
        print_json(orjson.dumps(reaction_document(account), option=orjson.OPT_UTC_Z).decode())
    else:
        show_reaction(open_console(), account)


def _explain_cause(options: argparse.Namespace) -> None:
    import orjson

    from pipeline.ops.why import cause_document, read_activity, read_broadcast, read_delivery
    from pipeline.output import print_json
    from pipeline.screens.terminal import open_console
    from pipeline.screens.why import show_cause

    if options.user is not None:
        raise UsageError("invalid --user: expected only with the number of an event; leave it out")
    if options.activity is not None:
        account = read_activity(options.database, options.activity)
    elif options.broadcast is not None:
        account = read_broadcast(options.database, options.broadcast)
    else:
        account = read_delivery(options.database, options.delivery)
    if options.json:
        print_json(orjson.dumps(cause_document(account), option=orjson.OPT_UTC_Z).decode())
    else:
        show_cause(open_console(), account)
