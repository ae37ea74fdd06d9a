"""``dead-letters``: lists, shows, counts and resolves dead letters."""

import argparse
import sys

from pipeline.commands.command import Commands, add_command
from pipeline.values import ANY_EVENT_ID, LETTER_ID, argument


def add(commands: Commands) -> None:
    """Add the command and its actions."""
    command = add_command(
        commands,
        "dead-letters",
        None,
        "show dead letters, and resolve those that need no replay",
        "python -m pipeline dead-letters list",
        "python -m pipeline dead-letters show --event 42",
        "python -m pipeline dead-letters resolve --id 7 --reason 'sent by hand'",
    )
    actions = command.add_subparsers(title="actions", dest="action", metavar="ACTION")
    _add_list(actions)
    _add_show(actions)
    _add_json(
        add_command(
            actions,
            "stats",
            _stats,
            "count open letters by event type, stage and error class, and all letters by day",
            "python -m pipeline dead-letters stats",
        )
    )
    _add_resolve(actions)


def _add_list(actions: Commands) -> None:
    command = add_command(
        actions,
        "list",
        _list,
        "list dead letters by cause",
        "python -m pipeline dead-letters list --all",
    )
    which = command.add_mutually_exclusive_group()
    which.add_argument("--open", action="store_true", help="unresolved letters (the default)")
    which.add_argument("--all", action="store_true", help="resolved letters as well")
    _add_json(command)


def _add_show(actions: Commands) -> None:
    command = add_command(
        actions,
        "show",
        _show,
        "show one dead letter with the payload in its event's row now, at most 100,000 characters,"
        " or with the message if there was no row",
        "python -m pipeline dead-letters show --event 42",
    )
    which = command.add_mutually_exclusive_group(required=True)
    which.add_argument(
        "--event",
        type=argument(ANY_EVENT_ID),
        metavar="ID",
        help="the letter of this event: a number, or a UUID of reactions",
    )
    which.add_argument("--id", type=argument(LETTER_ID), metavar="LETTER", help="this letter")
    _add_json(command)


def _add_resolve(actions: Commands) -> None:
    command = add_command(
        actions,
        "resolve",
        _resolve,
        "mark dead letters as resolved; they are kept, and their events stay dead",
        "python -m pipeline dead-letters resolve --fingerprint 0123abcd4567 --reason 'test data'",
    )
    which = command.add_mutually_exclusive_group(required=True)
    which.add_argument("--fingerprint", metavar="F", help="all open letters of this cause")
    which.add_argument(
        "--event", type=argument(ANY_EVENT_ID), metavar="ID", help="the letter of this event"
    )
    which.add_argument("--id", type=argument(LETTER_ID), metavar="LETTER", help="this letter")
    command.add_argument("--reason", required=True, metavar="TEXT", help="why, for the record")
    _add_json(command)


def _add_json(command: argparse.ArgumentParser) -> None:
    command.add_argument("--json", action="store_true", help="one line of JSON, for programs")


def _list(options: argparse.Namespace) -> None:
    from pipeline.ops.dead_letters.read import read_groups
    from pipeline.screens.dead_letters import show_groups

    groups = read_groups(options.database, resolved=options.all)
    if options.json:
        _print_json(groups)
    else:
        show_groups(groups)


def _show(options: argparse.Namespace) -> None:
    from pipeline.ops.dead_letters.read import read_letter
    from pipeline.screens.dead_letters import show_letter

    letter = read_letter(options.database, letter_id=options.id, event_id=options.event)
    if options.json:
        _print_json(letter)
    else:
        show_letter(letter)


def _stats(options: argparse.Namespace) -> None:
    from pipeline.ops.dead_letters.read import read_causes, read_days
    from pipeline.screens.dead_letters import show_stats

    causes, days = read_causes(options.database), read_days(options.database)
    if options.json:
        _print_json({"open": causes, "days": days})
    else:
        show_stats(causes, days)


def _resolve(options: argparse.Namespace) -> None:
    from pipeline.domain.units import counted
    from pipeline.ops.dead_letters.resolve import resolve

    resolved = resolve(
        options.database,
        reason=options.reason,
        fingerprint=options.fingerprint,
        letter_id=options.id,
        event_id=options.event,
    )
    if options.json:
        _print_json({"resolved": resolved})
    else:
        sys.stdout.write(f"resolved {counted(resolved, 'dead letter')}\n")


def _print_json(value: object) -> None:
    from pipeline.ops.dead_letters.document import to_json
    from pipeline.output import print_json

    print_json(to_json(value))
