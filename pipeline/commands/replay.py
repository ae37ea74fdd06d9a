"""``replay``: events once more through the stream, after their cause has been fixed."""

import argparse
import json
import math
import re
import shlex
import signal
import sys
import threading
import time
from collections.abc import Mapping
from datetime import timedelta
from types import FrameType
from typing import TYPE_CHECKING, Final
from uuid import UUID

from pipeline.commands.command import TOPIC, Commands, add_command, duration, moment, say
from pipeline.commands.dead_letters import row_id
from pipeline.domain.errors import UsageError

if TYPE_CHECKING:
    from pipeline.ops.replay.selector import Selector

INTERRUPTED: Final = 130
RATE: Final = 500.0
IDLE_TIMEOUT: Final = timedelta(minutes=2)

_TOPIC: Final = re.compile(r"projects/[^/]+/topics/[^/]+")


def add(commands: Commands) -> None:
    """Add the command."""
    command = add_command(
        commands,
        "replay",
        _execute,
        "show what would become of events if they came once more, or make them come",
        "python -m pipeline replay --fingerprint 0123abcd4567",
        f"python -m pipeline replay --fingerprint 0123abcd4567 --apply --topic {TOPIC}",
        "python -m pipeline replay --missing --since 24h --type document_uploaded",
    )
    _add_selectors(command)
    how = command.add_mutually_exclusive_group()
    how.add_argument(
        "--plan", action="store_true", help="show what would follow, change nothing (the default)"
    )
    how.add_argument("--apply", action="store_true", help="publish the events")
    command.add_argument("--topic", metavar=TOPIC, help="the topic that the stream reads")
    command.add_argument(
        "--rate",
        type=_rate,
        default=RATE,
        metavar="N",
        help=f"the most messages a second (default: {RATE:g})",
    )
    _add_waiting(command)
    command.add_argument("--json", action="store_true", help="one JSON object, for programs")
    command.add_argument("--note", metavar="TEXT", help="why, for the record")
    command.add_argument(
        "--ignore-age",
        action="store_true",
        help="complete events that are older than the stream allows",
    )
    command.add_argument(
        "--max-event-age-hours",
        type=_hours,
        default=timedelta(hours=24),
        metavar="HOURS",
        help="the age that the stream allows, for the plan (default: 24)",
    )
    command.add_argument(
        "--system-user",
        type=UUID,
        action="append",
        default=[],
        metavar="UUID",
        help="a profile that the stream takes for a program, for the plan;"
        " may be given several times",
    )


def _add_waiting(command: argparse.ArgumentParser) -> None:
    waiting = command.add_mutually_exclusive_group()
    waiting.add_argument(
        "--wait",
        type=duration,
        nargs="?",
        const=IDLE_TIMEOUT,
        dest="wait",
        metavar="TIME",
        help="after --apply say what became of the events, once all have ended, or none has for"
        " this time (default: 2m); the exit status is 1 where some are dead or have not ended."
        " Without being asked where standard error is a terminal",
    )
    waiting.add_argument(
        "--no-wait",
        action="store_const",
        const=timedelta(0),
        dest="wait",
        help="end when the events are published",
    )


def _add_selectors(command: argparse.ArgumentParser) -> None:
    selectors = command.add_argument_group("which events; several conditions must all hold")
    selectors.add_argument(
        "--event", type=row_id, nargs="+", action="extend", metavar="ID", help="these events"
    )
    selectors.add_argument(
        "--fingerprint", metavar="F", help="with an open dead letter of this cause"
    )
    selectors.add_argument("--type", metavar="T", help="of this type")
    selectors.add_argument(
        "--since", type=moment, metavar="TIME", help="created then or later: a time, or 2h for ago"
    )
    selectors.add_argument("--until", type=moment, metavar="TIME", help="created before then")
    selectors.add_argument(
        "--missing", action="store_true", help="the ledger holds no final state of them"
    )
    selectors.add_argument("--dead-letters", action="store_true", help="with an open dead letter")


def _execute(options: argparse.Namespace) -> int:
    return _apply(options) if options.apply else _plan(options)


def _plan(options: argparse.Namespace) -> int:
    selector = _selector(options)
    command = _command(options, selector)
    from pipeline.domain.identifiers import UserId
    from pipeline.fanout.decide import AI_USER, Policy
    from pipeline.fanout.handlers import HANDLERS
    from pipeline.ops.replay.document import plan_document
    from pipeline.ops.replay.plan import make_plan
    from pipeline.screens.replay import show_plan

    started = time.monotonic()
    policy = Policy(
        system_users=frozenset({AI_USER, *map(UserId, options.system_user)}),
        max_event_age=options.max_event_age_hours,
    )
    plan = make_plan(options.database, HANDLERS, policy, selector, ignore_age=options.ignore_age)
    seconds = round(time.monotonic() - started, 3)
    summary = {"replay": None, "planned": plan.events, "published": 0, "seconds": seconds}
    if options.json:
        _print({**summary, **plan_document(plan, command)})
    else:
        show_plan(plan, command)
        _print(summary)
    return 0


def _apply(options: argparse.Namespace) -> int:
    topic = _topic(options.topic)
    selector = _selector(options)
    from pipeline.domain.units import counted
    from pipeline.ops.replay.document import ends_document
    from pipeline.ops.replay.follow import follow
    from pipeline.ops.replay.publication import Order, apply
    from pipeline.screens.progress import Bar
    from pipeline.screens.replay import told

    order = Order(
        selector=selector,
        topic=topic,
        rate=options.rate,
        note=options.note,
        ignore_age=options.ignore_age,
    )
    stop = _stop_at_signals()
    with Bar("published") as bar:
        replay = apply(options.database, order, stop, report=bar.report)
    if replay.stopped:
        if not options.json:
            say(f"stopped: sent {replay.published:,} of {counted(replay.planned, 'message')}")
        _print(replay.summary)
        return INTERRUPTED
    idle_timeout = _idle_timeout(options.wait)
    if not idle_timeout:
        _print(replay.summary)
        return 0
    with Bar("done") as bar:
        ends = follow(options.database, replay, stop, idle_timeout=idle_timeout, report=bar.report)
    if not options.json:
        sys.stdout.write(told(ends, again=selector.of_letters, after=idle_timeout) + "\n")
    _print({**replay.summary, "became": ends_document(ends)})
    if ends.stopped:
        return INTERRUPTED
    return 0 if ends.good else 1


def _idle_timeout(asked: timedelta | None) -> timedelta:
    """How long to wait without news; zero for not at all."""
    if asked is not None:
        return asked
    return IDLE_TIMEOUT if sys.stderr.isatty() else timedelta(0)


def _selector(options: argparse.Namespace) -> "Selector":
    from pipeline.ops.replay.selector import Selector

    return Selector(
        events=tuple(options.event or ()),
        fingerprint=options.fingerprint,
        event_type=options.type,
        since=options.since,
        until=options.until,
        missing=options.missing,
        dead_letters=options.dead_letters,
    )


def _command(options: argparse.Namespace, selector: "Selector") -> list[str]:
    """The command that applies the plan, in parts; without a topic with the variable for one."""
    parts = ["python -m pipeline replay", *selector.arguments]
    if options.ignore_age:
        parts.append("--ignore-age")
    if options.rate != RATE:
        parts.append(f"--rate {options.rate:g}")
    if options.wait is not None:
        seconds = options.wait.total_seconds()
        parts.append(f"--wait {seconds:g}s" if seconds else "--no-wait")
    if options.note is not None:
        parts.append(f"--note {shlex.quote(options.note)}")
    topic = '"$TOPIC"' if options.topic is None else shlex.quote(_topic(options.topic))
    return [*parts, f"--apply --topic {topic}"]


def _topic(text: str | None) -> str:
    if text is None:
        raise UsageError(f"--apply needs --topic {TOPIC}: the one that the stream reads")
    if _TOPIC.fullmatch(text) is None:
        raise UsageError(f"--topic {text} is no topic: write {TOPIC}")
    return text


def _stop_at_signals() -> threading.Event:
    """Set by the first SIGINT or SIGTERM; a second one has its usual effect."""
    stop = threading.Event()

    def request(number: int, frame: FrameType | None) -> None:  # noqa: ARG001 - signal's signature
        stop.set()
        signal.signal(number, signal.SIG_DFL)

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, request)
    return stop


def _rate(text: str) -> float:
    return _number(text, most=1_000_000)


def _hours(text: str) -> timedelta:
    return timedelta(hours=_number(text, most=1_000_000))


def _number(text: str, *, most: float) -> float:
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not 0 < number <= most:
        raise argparse.ArgumentTypeError(f"{text!r} is no number above 0 and up to {most:,}")
    return number


def _print(summary: Mapping[str, object]) -> None:
    sys.stdout.write(json.dumps(summary) + "\n")
    sys.stdout.flush()
