"""``tokens``: creates, lists and revokes the API tokens of the HTTP service."""

import argparse
import sys

from pipeline.commands.command import Commands, add_command, say
from pipeline.domain.scope import CallerScope
from pipeline.values import DURATION, argument, one_of


def add(commands: Commands) -> None:
    """Add the command and its actions."""
    command = add_command(
        commands,
        "tokens",
        None,
        "create, list and revoke the tokens with which programs ask the HTTP service",
        "python -m pipeline tokens create grafana --scope read",
        "python -m pipeline tokens list",
        "python -m pipeline tokens revoke grafana",
    )
    actions = command.add_subparsers(title="actions", dest="action", metavar="ACTION")
    _add_create(actions)
    _add_json(
        add_command(
            actions,
            "list",
            _list,
            "list the tokens by name; their values are not shown",
            "python -m pipeline tokens list",
            "python -m pipeline tokens list --json",
        )
    )
    _add_revoke(actions)


def _add_create(actions: Commands) -> None:
    command = add_command(
        actions,
        "create",
        _create,
        "create a token, and print it on standard output; it is shown this one time",
        "python -m pipeline tokens create grafana --scope read",
        "python -m pipeline tokens create deploy --scope read --scope operate --expires 90d",
    )
    command.add_argument("token_name", metavar="NAME", help="who uses it, such as grafana")
    command.add_argument(
        "--scope",
        dest="scopes",
        type=argument(one_of("scope", *CallerScope)),
        action="extend",
        nargs=1,
        required=True,
        metavar="SCOPE",
        help="read: ask; operate: change something; may be given several times",
    )
    command.add_argument(
        "--expires",
        type=argument(DURATION),
        metavar="TIME",
        help="how long it works, such as 90d (default: until it is revoked)",
    )
    _add_json(command)


def _add_revoke(actions: Commands) -> None:
    command = add_command(
        actions,
        "revoke",
        _revoke,
        "revoke a token; every running service refuses it within 10 s",
        "python -m pipeline tokens revoke grafana",
    )
    command.add_argument("token_name", metavar="NAME", help="its name in the list")
    _add_json(command)


def _add_json(command: argparse.ArgumentParser) -> None:
    command.add_argument("--json", action="store_true", help="one JSON object, for programs")


def _create(options: argparse.Namespace) -> None:
    from pipeline.ops.tokens.change import create_token
    from pipeline.screens.tokens import created_lines

    scopes = {CallerScope(each) for each in options.scopes}
    created = create_token(options.database, options.token_name, scopes, expires_in=options.expires)
    if options.json:
        _print_json(created)
    else:
        sys.stdout.write(f"{created.token}\n")
        say(created_lines(created))


def _list(options: argparse.Namespace) -> None:
    from pipeline.ops.tokens.read import list_tokens
    from pipeline.screens.tokens import show_tokens

    tokens = list_tokens(options.database)
    if options.json:
        _print_json({"tokens": tokens})
    else:
        show_tokens(tokens)


def _revoke(options: argparse.Namespace) -> None:
    from pipeline.ops.tokens.change import revoke_token
    from pipeline.screens.tokens import revoked_line

    revoked = revoke_token(options.database, options.token_name)
    if options.json:
        _print_json(revoked)
    else:
        sys.stdout.write(revoked_line(revoked))


def _print_json(value: object) -> None:
    import orjson

    from pipeline.output import print_json

    print_json(orjson.dumps(value, option=orjson.OPT_UTC_Z).decode())
