"""``catch-up``: processes the events that the ledger shows as unfinished, then ends."""

import argparse
import gc
import json
import sys
from contextlib import AbstractContextManager, nullcontext, suppress
from datetime import timedelta

from pipeline.commands.command import (
    SYSTEM_USER_HELP,
    Commands,
    add_command,
    add_dry_run,
    add_parameters,
)
from pipeline.domain.errors import TransientError, UsageError
from pipeline.options.graph import BATCH_SIZE, MAX_EVENT_AGE_HOURS, SINCE, SYSTEM_USERS, UNTIL
from pipeline.options.parameter import Taker
from pipeline.options.pubsub import DEAD_LETTER_TOPIC
from pipeline.values import DURATION, argument


def add(commands: Commands) -> None:
    """Add the command."""
    command = add_command(
        commands,
        "catch-up",
        _execute,
        "process every event without a final state in the ledger",
        "python -m pipeline catch-up",
        "python -m pipeline catch-up --dry-run --event-type document_uploaded --since 2h",
        "python -m pipeline catch-up --every 60s --older-than 2m",
    )
    often = command.add_mutually_exclusive_group()
    often.add_argument("--once", action="store_true", help="one pass, then exit (the default)")
    often.add_argument(
        "--every",
        type=argument(DURATION),
        metavar="DURATION",
        help="one pass per interval, until stopped",
    )
    command.add_argument(
        "--older-than",
        type=argument(DURATION),
        default=timedelta(0),
        metavar="DURATION",
        help="leave younger events to the stream (default: process all)",
    )
    command.add_argument("--event-type", metavar="TYPE", help="events of this type only")
    add_parameters(
        command,
        Taker.CATCH_UP,
        *(SINCE, UNTIL, DEAD_LETTER_TOPIC, MAX_EVENT_AGE_HOURS, SYSTEM_USERS, BATCH_SIZE),
        system_users=SYSTEM_USER_HELP,
    )
    add_dry_run(command)


def _execute(options: argparse.Namespace) -> None:
    # Imported modules stay in memory. freeze_loaded_objects enables the collector again.
    gc.disable()
    from pipeline.commands.processing import fanout_of
    from pipeline.runtime.catch_up import catch_up, reconcile, stop
    from pipeline.runtime.runner import freeze_loaded_objects
    from pipeline.runtime.signals import stopped_by_signals
    from pipeline.screens.progress import Bar
    from pipeline.sources.unfinished import Selection

    if options.since and options.until and options.since >= options.until:
        raise UsageError("--since must be before --until")
    if options.every is not None and not options.every:
        raise UsageError("--every needs a duration above zero")
    if options.dead_letter_topic and not options.dry_run:
        from pipeline.clients.pubsub.check import check_topic

        # Fails before the first event is processed. If Pub/Sub does not answer now, it may later.
        with suppress(TransientError):
            check_topic(options.dead_letter_topic)
    freeze_loaded_objects()
    topology = fanout_of(options)
    selection = Selection(
        event_type=options.event_type,
        since=options.since,
        until=options.until,
        older_than=options.older_than,
    )
    with Bar("events") as bar:
        report = bar.report if bar.is_visible and not options.dry_run else None
        if options.every is None:
            stops: AbstractContextManager[None] = nullcontext()
            summaries = iter([catch_up(topology, selection, report=report)])
        else:
            stops = stopped_by_signals(stop)
            summaries = reconcile(topology, selection, every=options.every, report=report)
        with stops:
            for summary in summaries:
                bar.close()
                _print(summary)


def _print(summary: dict[str, float]) -> None:
    sys.stdout.write(json.dumps(summary) + "\n")
    sys.stdout.flush()
