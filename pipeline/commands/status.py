"""``status``: shows how the pipeline is doing, in figures."""

import argparse
import signal
from datetime import timedelta
from types import FrameType
from typing import Final, Never

from pipeline.commands.capture_names import add_slot, capture_names
from pipeline.commands.command import Commands, add_command
from pipeline.domain.errors import UsageError
from pipeline.values import DURATION, argument

_PAUSE: Final = timedelta(seconds=10)


def add(commands: Commands) -> None:
    """Add the command."""
    command = add_command(
        commands,
        "status",
        _execute,
        "show backlog, rates, latency, capture lag and dead letters",
        "python -m pipeline status",
        "python -m pipeline status --watch",
        "python -m pipeline status --json",
    )
    command.add_argument(
        "--json",
        action="store_true",
        help="one JSON object; null means no value, or not visible",
    )
    add_slot(command)
    command.add_argument(
        "--watch",
        nargs="?",
        type=argument(DURATION),
        const=_PAUSE,
        metavar="DURATION",
        help="show it again at this interval, until Ctrl-C or SIGTERM"
        f" (default: {DURATION.write(_PAUSE)})",
    )


def _execute(options: argparse.Namespace) -> None:
    if options.watch is not None and not options.watch:
        raise UsageError("--watch needs a duration above zero")
    from pipeline.screens.terminal import open_console
    from pipeline.screens.watch import show, watch

    console, names = open_console(), capture_names(options)
    if options.watch is None:
        show(options.database, names, console, as_json=options.json)
    else:
        signal.signal(signal.SIGTERM, _end)
        watch(options.database, names, console, every=options.watch, as_json=options.json)


def _end(number: int, frame: FrameType | None) -> Never:  # noqa: ARG001 - signal's signature
    """End the watch at any point with an exception, so that rich restores the terminal."""
    raise SystemExit(0)
