"""How a command is added to the command line, and the arguments that several share."""

import argparse
import re
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Final, TypeAlias
from uuid import UUID

TOPIC: Final = "projects/P/topics/T"
SUBSCRIPTION: Final = "projects/P/subscriptions/S"

# argparse has no public name for what add_subparsers gives.
Commands: TypeAlias = "argparse._SubParsersAction[argparse.ArgumentParser]"  # noqa: SLF001

_DURATION: Final = re.compile(r"(\d+(?:\.\d+)?)([smhd])")
_UNITS: Final = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}


def add_command(
    commands: Commands,
    name: str,
    execute: Callable[[argparse.Namespace], int | None],
    summary: str,
    *examples: str,
) -> argparse.ArgumentParser:
    """Add a command; ``execute`` may return an exit status."""
    command = commands.add_parser(
        name,
        help=summary,
        description=f"{summary[0].upper()}{summary[1:]}.",
        epilog="\n".join(["examples:", *(f"  {example}" for example in examples)]),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    command.set_defaults(execute=execute)
    return command


def add_processing_arguments(command: argparse.ArgumentParser) -> None:
    """What every command that processes events can be told."""
    command.add_argument(
        "--dead-letter-topic",
        metavar=TOPIC,
        help="where events that cannot be processed go, besides the table event_dead_letters",
    )
    command.add_argument(
        "--max-event-age-hours",
        type=_hours,
        default=24,
        metavar="HOURS",
        help="events of this age are recorded as expired (default: %(default)s)",
    )
    command.add_argument(
        "--system-user",
        type=UUID,
        action="append",
        default=[],
        metavar="UUID",
        help="a profile that stands for a program and is never told anything, beside the AI user;"
        " may be given several times",
    )
    command.add_argument(
        "--batch-size",
        type=_positive,
        default=500,
        metavar="EVENTS",
        help="the most events written in one statement (default: %(default)s)",
    )
    command.add_argument(
        "--dry-run",
        action="store_true",
        help="print what would be written, one JSON object a line, and change nothing",
    )


def duration(text: str) -> timedelta:
    """An argument such as ``90s``, ``2m``, ``24h`` or ``7d``."""
    match = _DURATION.fullmatch(text)
    if match is None:
        raise argparse.ArgumentTypeError(f"{text!r} is no duration: write 90s, 2m, 24h or 7d")
    return timedelta(**{_UNITS[match[2]]: float(match[1])})


def moment(text: str) -> datetime:
    """An argument such as ``2026-03-02T18:00Z``, or how long ago: ``2h``; without a zone, UTC."""
    if _DURATION.fullmatch(text):
        return datetime.now(UTC) - duration(text)
    try:
        parsed = datetime.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(
            f"{text!r} is no time: write 2026-03-02T18:00Z, or 2h for two hours ago"
        ) from None
    return parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)


def say(line: str) -> None:
    """Tell the person, not the program that reads the output."""
    print(line, file=sys.stderr)  # noqa: T201 - this is where a command speaks


def _hours(text: str) -> float:
    try:
        timedelta(hours=float(text))
    except (ValueError, OverflowError):
        raise argparse.ArgumentTypeError(f"{text!r} is no number of hours") from None
    return float(text)


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("at least 1 is needed")
    return number
