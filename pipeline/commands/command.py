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
    execute: Callable[[argparse.Namespace], int | None] | None,
    summary: str,
    *examples: str,
) -> argparse.ArgumentParser:
    """Add a command; ``execute`` may return an exit status.

    Without ``execute`` the command is a group of others, and by itself shows its help.
    """
    command = commands.add_parser(
        name,
        help=summary,
        description=f"{summary[0].upper()}{summary[1:]}.",
        epilog="\n".join(["examples:", *(f"  {example}" for example in examples)]),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    group = None if execute else command
    command.set_defaults(execute=execute, group=group, takes_more=False)
    return command


def add_processing_arguments(command: argparse.ArgumentParser) -> None:
    """What every command that processes events can be told."""
    command.add_argument(
        "--dead-letter-topic",
        type=_topic,
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
    try:
        return timedelta(**{_UNITS[match[2]]: float(match[1])})
    except OverflowError:
        raise argparse.ArgumentTypeError(f"{text!r} is longer than can be counted") from None


def moment(text: str) -> datetime:
    """An argument such as ``2026-03-02T18:00Z``, or how long ago: ``2h``; without a zone, UTC."""
    if _DURATION.fullmatch(text):
        try:
            return datetime.now(UTC) - duration(text)
        except OverflowError:
            raise argparse.ArgumentTypeError(f"{text!r} ago is before all times") from None
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
        limit = timedelta(hours=float(text))
    except (ValueError, OverflowError):
        raise argparse.ArgumentTypeError(f"{text!r} is no number of hours") from None
    if limit < timedelta(0):
        raise argparse.ArgumentTypeError("an age is not negative")
    return float(text)


def _positive(text: str) -> int:
    if not (text.isascii() and text.isdecimal() and int(text) > 0):
        raise argparse.ArgumentTypeError(f"{text!r} is no number of 1 or more")
    return int(text)


def _topic(text: str) -> str:
    if not re.fullmatch(r"projects/[^/\s]+/topics/[^/\s]+", text):
        raise argparse.ArgumentTypeError(f"{text!r} is no topic: write {TOPIC}")
    return text
