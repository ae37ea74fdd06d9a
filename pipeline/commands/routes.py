"""``routes``: manages where events of reactions go that fulfil a condition."""

import argparse
import sys
from typing import TYPE_CHECKING

from pipeline.commands.command import Commands, add_command
from pipeline.values import ROUTE_ID, argument

if TYPE_CHECKING:
    from pipeline.ops.routes.routes import RouteListed


def add(commands: Commands) -> None:
    """Add the command and its actions."""
    command = add_command(
        commands,
        "routes",
        None,
        "manage where events of reactions go: to another handler, to nobody or to a webhook",
        "python -m pipeline routes add user.verified --to nobody --if '{\"test\": true}'",
        "python -m pipeline routes list",
        "python -m pipeline routes remove 3",
    )
    actions = command.add_subparsers(title="actions", dest="action", metavar="ACTION")
    _add_list(actions)
    _add_add(actions)
    _add_remove(actions)


def _add_list(actions: Commands) -> None:
    command = add_command(
        actions,
        "list",
        _list,
        "list the routes in the order in which they are tried",
        "python -m pipeline routes list",
        "python -m pipeline routes list --type user.verified --json",
    )
    command.add_argument(
        "--type", dest="event_type", metavar="TYPE", help="only of this event type (default: all)"
    )
    _add_json(command)


def _add_add(actions: Commands) -> None:
    command = add_command(
        actions,
        "add",
        _add,
        "add a route; of those of a type, the first whose condition is met decides",
        "python -m pipeline routes add user.verified --to nobody --if '{\"test\": true}'",
        "python -m pipeline routes add order.paid --to handler:order.shipped --position 1",
        "python -m pipeline routes add order.shipped --to webhook:crm --reason 'they ship'",
    )
    command.add_argument("event_type", metavar="TYPE", help="the type of the events")
    command.add_argument(
        "--to",
        required=True,
        metavar="TARGET",
        help="nobody; handler:TYPE, the handler of that type; or webhook:NAME, an endpoint",
    )
    command.add_argument(
        "--if",
        dest="condition",
        metavar="JSON",
        help="an object that the payload must contain (default: any payload)",
    )
    command.add_argument(
        "--position",
        type=int,
        metavar="N",
        help="among the routes of the type, from 1 (default: after the others)",
    )
    command.add_argument("--reason", metavar="TEXT", help="why, for the record")
    _add_json(command)


def _add_remove(actions: Commands) -> None:
    command = add_command(
        actions,
        "remove",
        _remove,
        "remove a route",
        "python -m pipeline routes remove 3",
        "python -m pipeline routes remove 3 --reason 'the campaign has ended' --json",
    )
    command.add_argument(
        "route", type=argument(ROUTE_ID), metavar="ID", help="as routes list shows it"
    )
    command.add_argument("--reason", metavar="TEXT", help="why, for the record")
    _add_json(command)


def _add_json(command: argparse.ArgumentParser) -> None:
    command.add_argument("--json", action="store_true", help="one JSON object, for programs")


def _list(options: argparse.Namespace) -> None:
    from pipeline.ops.routes.routes import list_routes
    from pipeline.screens.routes import show_routes

    found = list_routes(options.database, options.event_type)
    if options.json:
        _print_json({"routes": found})
    else:
        show_routes(found)


def _add(options: argparse.Namespace) -> None:
    from pipeline.ops.routes.routes import add_route
    from pipeline.reactions.handlers import REACTION_HANDLERS

    added = add_route(
        options.database,
        options.event_type,
        options.to,
        REACTION_HANDLERS,
        condition=options.condition,
        position=options.position,
        reason=options.reason,
    )
    _say(options, added, f"added at position {added.position}")


def _remove(options: argparse.Namespace) -> None:
    from pipeline.ops.routes.routes import remove_route

    removed = remove_route(options.database, options.route, reason=options.reason)
    _say(options, removed, "removed")


def _say(options: argparse.Namespace, route: "RouteListed", done: str) -> None:
    from pipeline.screens.routes import route_line

    if options.json:
        _print_json(route)
    else:
        sys.stdout.write(route_line(route, done))


def _print_json(value: object) -> None:
    import orjson

    from pipeline.output import print_json

    print_json(orjson.dumps(value, option=orjson.OPT_UTC_Z).decode())
