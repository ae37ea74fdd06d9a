"""``mail suppressions``: lists, adds and removes addresses to which nothing is sent."""

import argparse
import sys
from typing import Final

from pipeline.commands.command import Commands, add_command
from pipeline.domain.errors import UsageError
from pipeline.values import LIST_LENGTH, argument

_MOST: Final = 100
# Longer than any address.
_LONGEST_LINE: Final = 2_000


def add(actions: Commands) -> None:
    """Add the group and its actions."""
    group = add_command(
        actions,
        "suppressions",
        None,
        "list, add and remove the addresses to which nothing is sent; they are shown as hashes",
        "python -m pipeline mail suppressions list",
        "python -m pipeline mail suppressions add < address.txt",
    )
    changes = group.add_subparsers(title="actions", dest="change", metavar="ACTION")
    listing = add_command(
        changes,
        "list",
        _list,
        "list the suppressed addresses, the newest first",
        "python -m pipeline mail suppressions list",
        "python -m pipeline mail suppressions list --most 1000 --json",
    )
    listing.add_argument(
        "--most",
        type=argument(LIST_LENGTH),
        default=_MOST,
        metavar="NUMBER",
        help=f"how many are listed (default: {_MOST})",
    )
    _add_json(listing)
    for name, execute, summary, more in (
        ("add", _add, "send nothing to an address from now on", ""),
        ("remove", _remove, "send to an address again", ", or its hash as list shows it"),
    ):
        change = add_command(
            changes,
            name,
            execute,
            summary,
            f"python -m pipeline mail suppressions {name} < address.txt",
            f"python -m pipeline mail suppressions {name} ann@acme.example",
        )
        change.add_argument(
            "address",
            nargs="?",
            metavar="ADDRESS",
            help=f"the address{more} (default: a line of standard input, which no list of processes"
            " shows)",
        )
        _add_json(change)


def _add_json(command: argparse.ArgumentParser) -> None:
    command.add_argument("--json", action="store_true", help="one JSON object, for programs")


def _list(options: argparse.Namespace) -> None:
    from pipeline.ops.mail.suppressions import list_suppressions
    from pipeline.screens.suppressions import show_suppressions

    found = list_suppressions(options.database, options.most)
    if options.json:
        _print_json(found)
    else:
        show_suppressions(found)


def _add(options: argparse.Namespace) -> None:
    from pipeline.ops.mail.suppressions import suppress
    from pipeline.screens.suppressions import suppressed_line

    changed = suppress(options.database, _address(options))
    if options.json:
        _print_json(changed)
    else:
        sys.stdout.write(suppressed_line(changed))


def _remove(options: argparse.Namespace) -> None:
    from pipeline.ops.mail.suppressions import lift
    from pipeline.screens.suppressions import lifted_line

    changed = lift(options.database, _address(options))
    if options.json:
        _print_json(changed)
    else:
        sys.stdout.write(lifted_line(changed))


def _address(options: argparse.Namespace) -> str:
    given: str = options.address or sys.stdin.readline(_LONGEST_LINE)
    if not given.strip():
        raise UsageError("no address: pass one, or write it to standard input")
    return given.strip()


def _print_json(value: object) -> None:
    import orjson

    from pipeline.output import print_json

    print_json(orjson.dumps(value, option=orjson.OPT_UTC_Z).decode())
