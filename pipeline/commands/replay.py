"""``replay``: publishes events again, after their cause was fixed."""

import argparse
import json
import shlex
import sys
import threading
import time
from collections.abc import Mapping
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from pipeline.commands.command import (
    Commands,
    add_command,
    add_parameters,
    given,
    say,
)
from pipeline.domain.errors import UsageError
from pipeline.domain.graph import Graph
from pipeline.options.graph import MAX_EVENT_AGE_HOURS, SINCE, SYSTEM_USERS, UNTIL
from pipeline.options.parameter import Taker
from pipeline.options.pubsub import RATE, TOPIC
from pipeline.values import ANY_EVENT_ID, DURATION, argument

if TYPE_CHECKING:
    from pipeline.ops.replay.publication import Order, Replay
    from pipeline.ops.replay.selector import Selector

INTERRUPTED: Final = 130
IDLE_TIMEOUT: Final = timedelta(minutes=2)


def add(commands: Commands) -> None:
    """Add the command."""
    command = add_command(
        commands,
        "replay",
        _execute,
        "show how events would end if they were published again, or publish them",
        "python -m pipeline replay --fingerprint 0123abcd4567",
        f"python -m pipeline replay --fingerprint 0123abcd4567 --apply --topic {TOPIC.metavar}",
        "python -m pipeline replay --missing --since 24h --type document_uploaded",
        "python -m pipeline replay --type user.verified --unrouted",
    )
    _add_selectors(command)
    how = command.add_mutually_exclusive_group()
    how.add_argument(
        "--plan", action="store_true", help="show how the events would end (the default)"
    )
    how.add_argument("--apply", action="store_true", help="publish the events")
    add_parameters(
        command,
        Taker.REPLAY,
        *(TOPIC, RATE),
        topic="the topic that the stream reads. For reactions: the topic that their graph reads;"
        " without it, the graph finds the events by itself",
    )
    _add_waiting(command)
    command.add_argument("--json", action="store_true", help="one JSON object, for programs")
    command.add_argument("--note", metavar="TEXT", help="why, for the record")
    command.add_argument(
        "--ignore-age",
        action="store_true",
        help="also complete events that are older than the age limit",
    )
    add_parameters(
        command,
        Taker.REPLAY,
        *(MAX_EVENT_AGE_HOURS, SYSTEM_USERS),
        max_event_age_hours="the age limit of the stream, for the plan",
        system_users="a profile that is a program, for the plan",
    )


def _add_waiting(command: argparse.ArgumentParser) -> None:
    waiting = command.add_mutually_exclusive_group()
    waiting.add_argument(
        "--wait",
        type=argument(DURATION),
        nargs="?",
        const=IDLE_TIMEOUT,
        dest="wait",
        metavar="TIME",
        help="after --apply, wait until all events have ended, or until none has ended for this"
        f" long (default: {DURATION.write(IDLE_TIMEOUT)}), and show their states; the exit status"
        " is 1 if some are dead or have not ended. --wait is the default if standard error is a"
        " terminal",
    )
    waiting.add_argument(
        "--no-wait",
        action="store_const",
        const=timedelta(0),
        dest="wait",
        help="end as soon as the events are published",
    )


def _add_selectors(command: argparse.ArgumentParser) -> None:
    selectors = command.add_argument_group("which events; an event must meet all conditions")
    selectors.add_argument(
        "--event",
        type=argument(ANY_EVENT_ID),
        nargs="+",
        action="extend",
        metavar="ID",
        help="only these events: numbers, or UUIDs of reactions",
    )
    selectors.add_argument(
        "--fingerprint", metavar="F", help="events with an open dead letter of this cause"
    )
    selectors.add_argument("--type", metavar="T", help="events of this type")
    add_parameters(selectors, Taker.REPLAY, SINCE, UNTIL)
    selectors.add_argument(
        "--missing", action="store_true", help="events without a final state in the ledger"
    )
    selectors.add_argument(
        "--dead-letters", action="store_true", help="events with an open dead letter"
    )
    selectors.add_argument(
        "--unrouted", action="store_true", help="events that had no handler for their type"
    )
    selectors.add_argument(
        "--family",
        choices=("fanout", "reactions"),
        help="events of this family; not needed with a UUID, a dotted type or a fingerprint",
    )


def _execute(options: argparse.Namespace) -> int:
    selector = _selector(options)
    of_reactions = _is_of_reactions(options, selector)
    if options.topic is not None:
        _check_topic(options, Graph.REACTIONS if of_reactions else Graph.FANOUT)
    if of_reactions:
        if options.ignore_age:
            raise UsageError("invalid --ignore-age: expected only for the fan-out; leave it out")
        run = _apply_to_reactions if options.apply else _plan_reactions
        return run(options, selector)
    return _apply(options, selector) if options.apply else _plan(options, selector)


def _check_topic(options: argparse.Namespace, graph: Graph) -> None:
    from pipeline.ops.replay.topics import wrong_topic

    wrong = wrong_topic(options.database, graph, options.topic)
    if wrong is not None:
        raise UsageError(f"invalid --topic {options.topic!r}: {wrong}")


def _is_of_reactions(options: argparse.Namespace, selector: "Selector") -> bool:
    from pipeline.ops.reactions.selection import is_of_reactions

    return is_of_reactions(options.database, selector, options.family)


def _plan_reactions(options: argparse.Namespace, selector: "Selector") -> int:
    command = _command(options, selector, needs_topic=False)
    from pipeline.ops.reactions.document import reaction_plan_document
    from pipeline.ops.reactions.selection import plan_reactions
    from pipeline.screens.replay import show_reaction_plan

    started = time.monotonic()
    plan = plan_reactions(options.database, selector)
    seconds = round(time.monotonic() - started, 3)
    summary = {"replay": None, "planned": len(plan.ids), "published": 0, "seconds": seconds}
    if options.json:
        apply = " ".join(command) if plan.ids else None
        _print({**summary, **reaction_plan_document(plan), "apply": apply})
    else:
        show_reaction_plan(plan, command)
        _print(summary)
    return 0


def _apply_to_reactions(options: argparse.Namespace, selector: "Selector") -> int:
    from pipeline.ops.reactions.replay import BECAME, replay_reactions
    from pipeline.runtime.signals import stopped_by_signals
    from pipeline.screens.progress import Bar

    stop = threading.Event()
    with stopped_by_signals(stop.set):
        with Bar("pending again") as bar:
            replay = replay_reactions(
                options.database,
                selector,
                stop,
                topic=options.topic,
                rate=options.rate,
                note=options.note,
                report=bar.report,
            )
        return _follow(options, selector, replay, stop, became=BECAME)


def _plan(options: argparse.Namespace, selector: "Selector") -> int:
    command = _command(options, selector)
    from pipeline.fanout.handlers import HANDLERS
    from pipeline.ops.replay.document import plan_document
    from pipeline.ops.replay.plan import make_plan
    from pipeline.screens.replay import show_plan
    from pipeline.steps.policy import policy_of

    started = time.monotonic()
    policy = policy_of(given(options, Taker.REPLAY))
    plan = make_plan(options.database, HANDLERS, policy, selector, ignore_age=options.ignore_age)
    seconds = round(time.monotonic() - started, 3)
    summary = {"replay": None, "planned": plan.events, "published": 0, "seconds": seconds}
    if options.json:
        apply = " ".join(command) if plan.events else None
        _print({**summary, **plan_document(plan), "apply": apply})
    else:
        show_plan(plan, command)
        _print(summary)
    return 0


def _apply(options: argparse.Namespace, selector: "Selector") -> int:
    topic = _topic(options.topic)
    from pipeline.ops.replay.publication import Order
    from pipeline.runtime.signals import stopped_by_signals

    order = Order(
        selector=selector,
        topic=topic,
        rate=options.rate,
        note=options.note,
        ignore_age=options.ignore_age,
    )
    stop = threading.Event()
    with stopped_by_signals(stop.set):
        return _publish(options, order, stop)


def _publish(options: argparse.Namespace, order: "Order", stop: threading.Event) -> int:
    from pipeline.ops.replay.publication import apply
    from pipeline.screens.progress import Bar

    with Bar("published") as bar:
        replay = apply(options.database, order, stop, report=bar.report)
    return _follow(options, order.selector, replay, stop)


def _follow(
    options: argparse.Namespace,
    selector: "Selector",
    replay: "Replay",
    stop: threading.Event,
    *,
    became: bytes | None = None,
) -> int:
    from pipeline.domain.units import counted
    from pipeline.ops.replay.document import ends_document
    from pipeline.ops.replay.follow import follow
    from pipeline.screens.progress import Bar
    from pipeline.screens.replay import result_line

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
        ends = follow(
            options.database,
            replay,
            stop,
            idle_timeout=idle_timeout,
            report=bar.report,
            became=became,
        )
    if not options.json:
        line = result_line(ends, again=selector.of_letters, after=idle_timeout)
        sys.stdout.write(line + "\n")
    _print({**replay.summary, "became": ends_document(ends)})
    if ends.stopped:
        return INTERRUPTED
    return 0 if ends.good else 1


def _idle_timeout(asked: timedelta | None) -> timedelta:
    """Return how long to wait without an ended event; zero means not to wait."""
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
        unrouted=options.unrouted,
    )


def _command(
    options: argparse.Namespace, selector: "Selector", *, needs_topic: bool = True
) -> list[str]:
    """Return the command that applies the plan, in parts. A missing topic is called ``$TOPIC``."""
    parts = ["python -m pipeline replay", *selector.arguments]
    if options.family is not None:
        parts.append(f"--family {options.family}")
    if options.ignore_age:
        parts.append("--ignore-age")
    if options.rate != RATE.default:
        parts.append(f"--rate {options.rate:g}")
    if options.wait is not None:
        seconds = options.wait.total_seconds()
        parts.append(f"--wait {seconds:g}s" if seconds else "--no-wait")
    if options.note is not None:
        parts.append(f"--note {shlex.quote(options.note)}")
    if options.topic is None and not needs_topic:
        return [*parts, "--apply"]
    topic = '"$TOPIC"' if options.topic is None else shlex.quote(_topic(options.topic))
    return [*parts, f"--apply --topic {topic}"]


def _topic(text: str | None) -> str:
    if text is None:
        raise UsageError(f"--apply needs --topic {TOPIC.metavar}: the topic that the stream reads")
    return text


def _print(summary: Mapping[str, object]) -> None:
    sys.stdout.write(json.dumps(summary) + "\n")
    sys.stdout.flush()
