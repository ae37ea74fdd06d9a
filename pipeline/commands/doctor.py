"""``doctor``: look at everything that has to be right, before and while the pipeline runs."""

import argparse
from typing import Final

from pipeline.commands.capture_names import add_publication, add_slot, capture_names
from pipeline.commands.command import SUBSCRIPTION, TOPIC, Commands, add_command
from pipeline.settings import GRANTED_CONNECTIONS

_MOST_CONNECTIONS: Final = 99_999
_LAST_PORT: Final = 65_535
# Of libpq, by what they demand.
_SSL_MODES: Final = ("disable", "allow", "prefer", "require", "verify-ca", "verify-full")


# For whoever lets a monitor run it.
_EXIT_STATUS: Final = """\
exit status:
  0  nothing failed; there may be warnings, marked !
  1  something failed, marked ✗: events are lost, or wait until a person acts
  2  the command was not understood"""


def add(commands: Commands) -> None:
    """Add the command."""
    command = add_command(
        commands,
        "doctor",
        _execute,
        "check database, capture, roles and Pub/Sub; say how to fix what is wrong",
        "python -m pipeline doctor",
        f"python -m pipeline doctor --subscription {SUBSCRIPTION} --dead-letter-topic {TOPIC}",
        "python -m pipeline doctor --cdc-host db.example.com --json",
    )
    command.epilog = f"{command.epilog}\n\n{_EXIT_STATUS}"
    command.add_argument("--json", action="store_true", help="one JSON object")
    command.add_argument(
        "--subscription", metavar=SUBSCRIPTION, help="also look whether the stream can read it"
    )
    command.add_argument("--dead-letter-topic", metavar=TOPIC, help="also look whether it exists")
    add_slot(command)
    add_publication(command)
    command.add_argument(
        "--connections",
        type=_connections,
        default=GRANTED_CONNECTIONS,
        metavar="NUMBER",
        help="what the job on Dataflow may open: its --database_connections (default: %(default)s)",
    )
    command.add_argument(
        "--cdc-host",
        type=_host,
        metavar="HOST",
        help="also connect as Debezium does: its DATABASE_HOST; its password is taken from"
        " DATABASE_PASSWORD",
    )
    command.add_argument(
        "--cdc-port",
        type=_port,
        default=5432,
        metavar="PORT",
        help="its DATABASE_PORT (default: %(default)s)",
    )
    command.add_argument(
        "--cdc-user",
        default="capture",
        metavar="USER",
        help="its DATABASE_USER (default: %(default)s)",
    )
    command.add_argument(
        "--cdc-sslmode",
        default="verify-full",
        choices=_SSL_MODES,
        metavar="MODE",
        help="its DATABASE_SSLMODE (default: %(default)s)",
    )


def _host(text: str) -> str:
    if not text:
        raise argparse.ArgumentTypeError("it is empty: give Debezium's DATABASE_HOST")
    return text


def _connections(text: str) -> int:
    if not (text.isascii() and text.isdecimal() and 0 < int(text[:6]) <= _MOST_CONNECTIONS):
        raise argparse.ArgumentTypeError(
            f"invalid number of connections {text[:40]!r}: expected a number such as 100"
        )
    return int(text)


def _port(text: str) -> int:
    if not (text.isascii() and text.isdecimal() and 0 < int(text[:6]) <= _LAST_PORT):
        raise argparse.ArgumentTypeError(f"{text[:40]!r} is no port: write a number such as 5432")
    return int(text)


def _execute(options: argparse.Namespace) -> int:
    import json

    from pipeline.ops.doctor.document import document
    from pipeline.ops.doctor.examine import examine
    from pipeline.ops.doctor.installation import CaptureAddress, Installation
    from pipeline.output import print_json
    from pipeline.screens.doctor import render
    from pipeline.screens.terminal import open_console

    capture = None
    if options.cdc_host is not None:
        capture = CaptureAddress(
            options.cdc_host,
            options.cdc_port,
            options.cdc_sslmode,
            options.cdc_user,
            options.capture_password,
        )
    with Installation(
        database=options.database,
        capture=capture,
        names=capture_names(options),
        emulator=options.pubsub_emulator,
        subscription=options.subscription,
        dead_letter_topic=options.dead_letter_topic,
        connections=options.connections,
    ) as installation:
        report = list(examine(installation))
    summary = document(report)
    if options.json:
        print_json(json.dumps(summary))
    else:
        open_console().print(render(report))
    return 0 if summary["ok"] else 1
