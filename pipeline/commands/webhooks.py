"""``webhooks``: manages the endpoints of other systems that hear of events."""

import argparse
import sys
from collections.abc import Callable
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from pipeline.commands.command import Commands, add_command, say
from pipeline.domain.errors import UsageError
from pipeline.values import DURATION, SECRET, argument

if TYPE_CHECKING:
    from pipeline.ops.webhooks.change import ChangedEndpoint

# How long both secrets are used, and how long a ping may take.
_KEEP: Final = timedelta(hours=24)
_WAIT: Final = timedelta(seconds=15)
# Longer than any address.
_LONGEST_LINE: Final = 4_000


def add(commands: Commands) -> None:
    """Add the command and its actions."""
    command = add_command(
        commands,
        "webhooks",
        None,
        "manage the endpoints of other systems that hear of events",
        "python -m pipeline webhooks add crm https://hooks.acme.example/in --type invite_accepted",
        "python -m pipeline webhooks list",
        "python -m pipeline webhooks test crm",
    )
    actions = command.add_subparsers(title="actions", dest="action", metavar="ACTION")
    _add_add(actions)
    _add_json(
        add_command(
            actions,
            "list",
            _list,
            "list the endpoints, what they hear of and how their deliveries stand",
            "python -m pipeline webhooks list",
            "python -m pipeline webhooks list --json",
        )
    )
    _add_one(actions, "show", _show, "show one endpoint, with its whole address")
    _add_rotate(actions)
    _add_one(actions, "enable", _enable, "send to an endpoint again, from now on")
    _add_one(actions, "disable", _disable, "send nothing to an endpoint, not even what is waiting")
    _add_one(actions, "remove", _remove, "delete an endpoint, its subscriptions and its secrets")
    _add_test(actions)


def _add_add(actions: Commands) -> None:
    command = add_command(
        actions,
        "add",
        _add,
        "add an endpoint, and print its secret on standard output; it is shown this one time",
        "python -m pipeline webhooks add crm https://hooks.acme.example/in --type invite_accepted",
        "python -m pipeline webhooks add audit --type '*' --with-payload < address.txt",
        "python -m pipeline webhooks add crm https://hooks.acme.example/in --type invite_accepted"
        " --secret-name projects/acme/secrets/crm",
    )
    command.add_argument("endpoint_name", metavar="NAME", help="what it is called, such as crm")
    command.add_argument(
        "url",
        nargs="?",
        metavar="URL",
        help="its address (default: a line of standard input, which no list of processes shows)",
    )
    command.add_argument(
        "--type",
        dest="event_types",
        action="extend",
        nargs=1,
        required=True,
        metavar="TYPE",
        help="an event type that it hears of, or * for all; may be given several times",
    )
    command.add_argument(
        "--with-payload",
        action="store_true",
        help="send the payload of events too (default: their ids only)",
    )
    _add_secret_name(command)
    _add_json(command)


def _add_rotate(actions: Commands) -> None:
    command = add_command(
        actions,
        "rotate",
        _rotate,
        "give an endpoint a new secret, and print it; the old one is also used for a while",
        "python -m pipeline webhooks rotate crm",
        "python -m pipeline webhooks rotate crm --keep 0s",
    )
    command.add_argument("endpoint_name", metavar="NAME", help="the endpoint")
    command.add_argument(
        "--keep",
        type=argument(DURATION),
        default=_KEEP,
        metavar="TIME",
        help="how long messages are signed with both secrets (default: 24h); 0s if the older one"
        " is known to others",
    )
    _add_secret_name(command)
    _add_json(command)


def _add_test(actions: Commands) -> None:
    command = add_command(
        actions,
        "test",
        _test,
        "send a signed ping to an endpoint, and show what it answered; run --graph push sends it",
        "python -m pipeline webhooks test crm",
        "python -m pipeline webhooks test crm --wait 60s --json",
    )
    command.add_argument("endpoint_name", metavar="NAME", help="the endpoint")
    command.add_argument(
        "--wait",
        type=argument(DURATION),
        default=_WAIT,
        metavar="TIME",
        help="how long to wait for the answer (default: 15s)",
    )
    _add_json(command)


def _add_one(
    actions: Commands, name: str, execute: Callable[[argparse.Namespace], None], summary: str
) -> None:
    command = add_command(
        actions,
        name,
        execute,
        summary,
        f"python -m pipeline webhooks {name} crm",
        f"python -m pipeline webhooks {name} crm --json",
    )
    command.add_argument("endpoint_name", metavar="NAME", help="the endpoint")
    _add_json(command)


def _add_secret_name(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--secret-name",
        type=argument(SECRET),
        metavar="NAME",
        help="of its secret in Secret Manager, projects/P/secrets/S; nothing is printed then"
        " (default: a new one, stored encrypted with WEBHOOK_KEY)",
    )


def _add_json(command: argparse.ArgumentParser) -> None:
    command.add_argument("--json", action="store_true", help="one JSON object, for programs")


def _add(options: argparse.Namespace) -> None:
    from pipeline.ops.webhooks.change import add_endpoint
    from pipeline.screens.webhooks import added_lines
    from pipeline.settings.outgoing_webhooks import OUTGOING_VARIABLES, read_outgoing_settings

    url: str = options.url or sys.stdin.readline(_LONGEST_LINE).strip()
    if not url:
        raise UsageError("no URL: pass one, or write it to standard input")
    added = add_endpoint(
        options.database,
        read_outgoing_settings(options.variables(OUTGOING_VARIABLES)),
        name=options.endpoint_name,
        url=url,
        event_types=options.event_types,
        with_payload=options.with_payload,
        secret_name=options.secret_name,
    )
    if options.json:
        _print_json(added)
        return
    if added.secret is not None:
        sys.stdout.write(f"{added.secret}\n")
    say(added_lines(added))


def _rotate(options: argparse.Namespace) -> None:
    from pipeline.ops.webhooks.change import rotate_secret
    from pipeline.screens.webhooks import rotated_lines
    from pipeline.settings.outgoing_webhooks import OUTGOING_VARIABLES, read_outgoing_settings

    rotated = rotate_secret(
        options.database,
        read_outgoing_settings(options.variables(OUTGOING_VARIABLES)),
        name=options.endpoint_name,
        keep=options.keep,
        secret_name=options.secret_name,
    )
    if options.json:
        _print_json(rotated)
        return
    if rotated.secret is not None:
        sys.stdout.write(f"{rotated.secret}\n")
    say(rotated_lines(rotated))


def _list(options: argparse.Namespace) -> None:
    from pipeline.ops.webhooks.read import list_endpoints
    from pipeline.screens.webhooks import endpoint_document, show_endpoints

    found = list_endpoints(options.database)
    if options.json:
        _print_json({"endpoints": [endpoint_document(each, whole=False) for each in found]})
    else:
        show_endpoints(found)


def _show(options: argparse.Namespace) -> None:
    from pipeline.ops.webhooks.read import find_endpoint
    from pipeline.screens.webhooks import endpoint_document, show_endpoint

    found = find_endpoint(options.database, options.endpoint_name)
    if options.json:
        _print_json(endpoint_document(found, whole=True))
    else:
        show_endpoint(found)


def _enable(options: argparse.Namespace) -> None:
    from pipeline.ops.webhooks.change import enable_endpoint

    changed = enable_endpoint(options.database, options.endpoint_name)
    _say_changed(options, changed, "enabled", "it hears of what happens from now on")


def _disable(options: argparse.Namespace) -> None:
    from pipeline.ops.webhooks.change import disable_endpoint

    changed = disable_endpoint(options.database, options.endpoint_name)
    _say_changed(options, changed, "disabled", "nothing is sent to it, not even what is waiting")


def _remove(options: argparse.Namespace) -> None:
    from pipeline.ops.webhooks.change import remove_endpoint

    changed = remove_endpoint(options.database, options.endpoint_name)
    _say_changed(options, changed, "removed", "what waits for it ends as cancelled")


def _say_changed(
    options: argparse.Namespace, changed: "ChangedEndpoint", state: str, then: str
) -> None:
    from pipeline.screens.webhooks import changed_line

    if options.json:
        _print_json(changed)
    else:
        sys.stdout.write(changed_line(changed, state, then))


def _test(options: argparse.Namespace) -> int:
    from pipeline.ops.webhooks.ping import ping_endpoint
    from pipeline.screens.webhooks import ping_line

    ping = ping_endpoint(options.database, options.endpoint_name, options.wait)
    if options.json:
        _print_json(ping)
    else:
        sys.stdout.write(ping_line(ping))
    return 0 if ping.is_taken else 1


def _print_json(value: object) -> None:
    import orjson

    from pipeline.output import print_json

    print_json(orjson.dumps(value, option=orjson.OPT_UTC_Z).decode())
