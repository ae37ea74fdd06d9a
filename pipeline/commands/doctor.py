"""``doctor``: checks every part of an installation, before and while the pipeline runs."""

import argparse
from typing import Final

from pipeline.commands.capture_names import add_publication, add_slot, capture_names
from pipeline.commands.command import Commands, add_command, add_parameters, given
from pipeline.options.database import CDC_HOST, CDC_PORT, CDC_SSLMODE, CDC_USER, CONNECTIONS
from pipeline.options.parameter import Taker
from pipeline.options.pubsub import DEAD_LETTER_TOPIC, SUBSCRIPTION

# Documented for monitors that run the command.
_EXIT_STATUS: Final = """\
exit status:
  0  no check failed; there may be warnings, marked !
  1  a check failed, marked ✗: events are lost, or wait until a person acts
  2  the arguments are invalid"""


def add(commands: Commands) -> None:
    """Add the command."""
    command = add_command(
        commands,
        "doctor",
        _execute,
        "check database, capture, roles and Pub/Sub; say how to fix what is wrong",
        "python -m pipeline doctor",
        f"python -m pipeline doctor --subscription {SUBSCRIPTION.metavar}"
        f" --dead-letter-topic {DEAD_LETTER_TOPIC.metavar}",
        "python -m pipeline doctor --cdc-host db.example.com --json",
    )
    command.epilog = f"{command.epilog}\n\n{_EXIT_STATUS}"
    command.add_argument("--json", action="store_true", help="one JSON object")
    add_parameters(
        command,
        Taker.DOCTOR,
        *(SUBSCRIPTION, DEAD_LETTER_TOPIC),
        subscription="also check that the stream can read this subscription",
        dead_letter_topic="also check that this topic exists",
    )
    add_slot(command)
    add_publication(command)
    add_parameters(command, Taker.DOCTOR, *(CONNECTIONS, CDC_HOST, CDC_PORT, CDC_USER, CDC_SSLMODE))


def _execute(options: argparse.Namespace) -> int:
    import json

    from pipeline.ops.doctor.document import document
    from pipeline.ops.doctor.examine import examine
    from pipeline.ops.doctor.installation import CaptureAddress, Installation
    from pipeline.output import print_json
    from pipeline.screens.doctor import render
    from pipeline.screens.terminal import open_console

    values = given(options, Taker.DOCTOR)
    host, capture = values.get(CDC_HOST), None
    if host is not None:
        capture = CaptureAddress(
            host,
            values[CDC_PORT],
            values[CDC_SSLMODE],
            values[CDC_USER],
            options.capture_password,
        )
    with Installation(
        database=options.database,
        capture=capture,
        names=capture_names(options),
        emulator=options.pubsub_emulator,
        subscription=values.get(SUBSCRIPTION),
        dead_letter_topic=values.get(DEAD_LETTER_TOPIC),
        connections=values[CONNECTIONS],
    ) as installation:
        report = list(examine(installation))
    summary = document(report)
    if options.json:
        print_json(json.dumps(summary))
    else:
        open_console().print(render(report))
    return 0 if summary["ok"] else 1
