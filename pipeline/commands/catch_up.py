"""``catch-up``: the bounded run over what the ledger shows as unfinished."""

import argparse
import gc
import json
import signal
import sys
from contextlib import suppress
from datetime import timedelta
from types import FrameType

from pipeline.commands.command import (
    Commands,
    add_command,
    add_processing_arguments,
    duration,
    moment,
)
from pipeline.domain.errors import TransientError, UsageError


def add(commands: Commands) -> None:
    """Add the command."""
    command = add_command(
        commands,
        "catch-up",
        _execute,
        "process every event that the ledger holds no final state of",
        "python -m pipeline catch-up",
        "python -m pipeline catch-up --dry-run --event-type document_uploaded --since 2h",
        "python -m pipeline catch-up --every 60s --older-than 2m",
    )
    often = command.add_mutually_exclusive_group()
    often.add_argument("--once", action="store_true", help="one pass, then exit (the default)")
    often.add_argument(
        "--every", type=duration, metavar="DURATION", help="a pass every so often, until stopped"
    )
    command.add_argument(
        "--older-than",
        type=duration,
        default=timedelta(0),
        metavar="DURATION",
        help="leave younger events to the stream (default: leave none)",
    )
    command.add_argument("--event-type", metavar="TYPE", help="events of this type only")
    command.add_argument(
        "--since", type=moment, metavar="TIME", help="created then or later: a time, or 2h for ago"
    )
    command.add_argument("--until", type=moment, metavar="TIME", help="created before then")
    add_processing_arguments(command)


def _execute(options: argparse.Namespace) -> None:
    # What is imported is there to stay; spare_collector sets the collector to work again.
    gc.disable()
    from pipeline.commands.processing import topology_of
    from pipeline.runtime.catch_up import catch_up, reconcile
    from pipeline.runtime.runner import spare_collector
    from pipeline.screens.progress import Bar
    from pipeline.sources.unfinished import Selection

    if options.since and options.until and options.since >= options.until:
        raise UsageError("--since must be before --until")
    if options.every is not None and not options.every:
        raise UsageError("--every needs a duration above zero")
    if options.dead_letter_topic and not options.dry_run:
        from pipeline.clients.pubsub.check import check_topic

        # Before the first event that needs it; what does not answer now may do so then.
        with suppress(TransientError):
            check_topic(options.dead_letter_topic)
    spare_collector()
    topology = topology_of(options)
    selection = Selection(
        event_type=options.event_type,
        since=options.since,
        until=options.until,
        older_than=options.older_than,
    )
    with Bar("events") as bar:
        report = bar.report if bar.is_visible and not options.dry_run else None
        if options.every is None:
            summaries = iter([catch_up(topology, selection, report=report)])
        else:
            _stop_at_signals()
            summaries = reconcile(topology, selection, every=options.every, report=report)
        for summary in summaries:
            bar.close()
            _print(summary)


def _stop_at_signals() -> None:
    """The first SIGINT or SIGTERM ends the loop; a second one has its usual effect."""
    from pipeline.runtime.catch_up import stop

    def request(number: int, frame: FrameType | None) -> None:  # noqa: ARG001 - signal's signature
        stop()
        signal.signal(number, signal.SIG_DFL)

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, request)


def _print(summary: dict[str, float]) -> None:
    sys.stdout.write(json.dumps(summary) + "\n")
    sys.stdout.flush()
